/** The minute of the week in a time zone. */

const QUARTER = 900_000;
const DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** One zone; remembers the last quarter of an hour, within which no zone changes its offset. */
export class ZoneClock {
  readonly #format: Intl.DateTimeFormat;
  #quarter = NaN;
  #minute = 0;

  constructor(zone: string) {
    this.#format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
  }

  /** @returns whole minutes since Monday 00:00 of that week there; NaN where the time is none. */
  minuteOfWeek(time: number): number {
    const quarter = Math.floor(time / QUARTER);
    if (quarter !== this.#quarter) {
      this.#minute = this.#minuteAt(quarter * QUARTER);
      this.#quarter = quarter;
    }
    return this.#minute + Math.floor((time - quarter * QUARTER) / 60_000);
  }

  #minuteAt(time: number): number {
    if (!(Math.abs(time) <= 8.64e15)) return NaN;
    let day = 0;
    let hour = 0;
    let minute = 0;
    for (const { type, value } of this.#format.formatToParts(time)) {
      if (type === "weekday") day = DAYS.indexOf(value);
      else if (type === "hour") hour = Number(value);
      else if (type === "minute") minute = Number(value);
    }
    return day * 1440 + hour * 60 + minute;
  }
}
