/** Plays what the other side says, one player for each call; nothing of it is in the page. */
export class Voices {
  private readonly players = new Map<string, HTMLAudioElement>();

  /** `speaker`: the id of the device, empty for the default. */
  constructor(private readonly speaker: () => string) {}

  /** To another device, also in the middle of a call. */
  readonly move = (): void => {
    for (const player of this.players.values()) void this.send(player);
  };

  readonly hear = (id: string, stream: MediaStream | null): void => {
    const player = this.players.get(id) ?? new Audio();
    if (stream) {
      player.srcObject = stream;
      this.players.set(id, player);
      void this.send(player);
      // Refused where nobody has clicked in the page; then nobody has accepted a call either.
      player.play().catch(() => undefined);
      return;
    }
    player.pause();
    player.srcObject = null;
    this.players.delete(id);
  };

  private async send(player: HTMLAudioElement): Promise<void> {
    // Not in every browser, whatever the types say.
    const move = player.setSinkId as HTMLAudioElement["setSinkId"] | undefined;
    // Refused where the device has just gone: the player stays where it is.
    await move?.call(player, this.speaker()).catch(() => undefined);
  }
}
