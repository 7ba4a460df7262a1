/** How often a crashed server is started again: a few times within some minutes. */
export class Crashes {
  private times: number[] = [];

  constructor(
    private readonly most: number,
    private readonly milliseconds: number,
  ) {}

  /** Note a crash at `now` (ms); return whether to start the server again. */
  mayRestart(now: number): boolean {
    this.times = this.times.filter((time) => now - time < this.milliseconds);
    this.times.push(now);
    return this.times.length <= this.most;
  }

  /** Forget all crashes: the user wants another try. */
  forget(): void {
    this.times = [];
  }
}
