import { beforeEach, expect, test } from "vitest";
import { FIRST_VOLUME, LOWEST_VOLUME, Sound } from "./sound";

const device = (kind: MediaDeviceKind, deviceId: string, label = deviceId) =>
  ({ kind, deviceId, label, groupId: "", toJSON: () => "" }) as MediaDeviceInfo;

const HEADSET = device("audioinput", "m1", "Headset");
const LAPTOP = device("audioinput", "m2", "Laptop");
const EARS = device("audiooutput", "s1", "Headset");
const BOX = device("audiooutput", "s2", "Loudspeaker");

let there: MediaDeviceInfo[];
let changed: () => void;
let kept: Map<string, string>;

const settled = () => new Promise<void>((done) => setTimeout(done, 0));

function made(sinks = { speaker: true, ring: true }): Sound {
  return new Sound({
    storage: {
      getItem: (name) => kept.get(name) ?? null,
      setItem: (name, value) => void kept.set(name, value),
    },
    media: {
      enumerateDevices: () => Promise.resolve(there),
      addEventListener: (_name: string, listener: () => void) => void (changed = listener),
    } as never,
    ...sinks,
  });
}

async function looked(sound = made()): Promise<Sound> {
  await sound.look();
  return sound;
}

beforeEach(() => {
  there = [HEADSET, LAPTOP, EARS, BOX];
  kept = new Map();
});

test("the system's default stands for what browsers call so", async () => {
  there = [device("audioinput", "default"), device("audioinput", "communications"), HEADSET];
  const sound = await looked();
  expect(sound.snapshot().devices.microphone).toEqual([{ id: "m1", label: "Headset" }]);
  expect(sound.idOf("microphone")).toBe("");
  expect(sound.voice.audio).not.toHaveProperty("deviceId");
});

test("what was chosen is there the next day", async () => {
  const first = await looked();
  first.choose("microphone", "m2");
  first.choose("ring", "s2");
  first.setVolume(0.8);
  const next = await looked();
  expect(next.idOf("microphone")).toBe("m2");
  expect(next.idOf("speaker")).toBe("");
  expect(next.idOf("ring")).toBe("s2");
  expect(next.snapshot().volume).toBe(0.8);
  expect(next.voice.audio).toMatchObject({ deviceId: { ideal: "m2" }, echoCancellation: true });
  next.choose("ring", null);
  expect(made().snapshot().chosen.ring).toBeNull();
});

test("a device that is gone is stood in for, told by its name, and used again when back", async () => {
  const sound = await looked();
  sound.choose("microphone", "m1");
  sound.choose("speaker", "s1");
  let told = 0;
  sound.subscribe(() => (told += 1));
  there = [LAPTOP, BOX];
  changed();
  await settled();
  expect(told).toBe(1);
  expect(sound.snapshot().gone).toEqual({ microphone: true, speaker: true, ring: false });
  expect(sound.snapshot().chosen.microphone?.label).toBe("Headset");
  expect([sound.idOf("microphone"), sound.idOf("speaker")]).toEqual(["", ""]);
  there = [HEADSET, LAPTOP, EARS, BOX];
  changed();
  await settled();
  expect([sound.idOf("microphone"), sound.idOf("speaker")]).toEqual(["m1", "s1"]);
});

test("before the microphone is allowed nothing is said to be gone", async () => {
  (await looked()).choose("microphone", "m1");
  there = [device("audioinput", "", "")];
  const sound = await looked();
  expect(sound.snapshot().gone.microphone).toBe(false);
  expect(sound.idOf("microphone")).toBe("m1");
});

test("where a browser lets no page choose a loudspeaker there is no choice", async () => {
  const sound = await looked(made({ speaker: false, ring: false }));
  expect(sound.snapshot().devices).toMatchObject({ speaker: null, ring: null });
  sound.choose("speaker", "s1");
  expect(sound.idOf("speaker")).toBe("");
});

test("what was kept and is no such thing is not used", async () => {
  for (const text of ["{", "null", '"x"', '{"chosen": {"ring": {"id": 7}}, "volume": "loud"}']) {
    kept.set("switchboard.sound", text);
    const { chosen, volume } = made().snapshot();
    expect([chosen.ring, volume]).toEqual([null, FIRST_VOLUME]);
  }
  const sound = made();
  sound.setVolume(-3);
  expect(made().snapshot().volume).toBe(LOWEST_VOLUME);
  sound.setVolume(3);
  expect(made().snapshot().volume).toBe(1);
});
