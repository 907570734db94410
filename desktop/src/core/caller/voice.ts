/** What a caller says: the microphone, or silence where there is none or it was refused. */

export interface Voice {
  readonly stream: MediaStream;
  readonly heard: boolean;
  close(): void;
}

export async function openVoice(media: MediaDevices | undefined): Promise<Voice> {
  try {
    if (!media) return silence();
    const stream = await media.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
    return { stream, heard: true, close: () => stream.getTracks().forEach((track) => track.stop()) };
  } catch {
    return silence();
  }
}

/** Sent like a voice, so that Asterisk does not take the caller for dead. */
function silence(): Voice {
  const context = new AudioContext();
  const source = new ConstantSourceNode(context, { offset: 0 });
  const out = new MediaStreamAudioDestinationNode(context);
  source.connect(out);
  source.start();
  void context.resume();
  return { stream: out.stream, heard: false, close: () => void context.close() };
}
