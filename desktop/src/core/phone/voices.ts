/** Plays what the other side says, one player for each call; nothing of it is in the page. */
export class Voices {
  private readonly players = new Map<string, HTMLAudioElement>();

  readonly hear = (id: string, stream: MediaStream | null): void => {
    const player = this.players.get(id) ?? new Audio();
    if (stream) {
      player.srcObject = stream;
      this.players.set(id, player);
      // Refused where nobody has clicked in the page; then nobody has accepted a call either.
      player.play().catch(() => undefined);
      return;
    }
    player.pause();
    player.srcObject = null;
    this.players.delete(id);
  };
}
