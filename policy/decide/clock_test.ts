import assert from "node:assert/strict";
import { ZoneClock } from "./clock.ts";

const cases: { zone: string; time: string; want: string }[] = [
  { zone: "UTC", time: "2024-01-01T00:00:00Z", want: "0 00:00" },
  { zone: "UTC", time: "2024-01-07T23:59:59.999Z", want: "6 23:59" },
  { zone: "Europe/Bratislava", time: "2024-03-31T00:59:59Z", want: "6 01:59" },
  { zone: "Europe/Bratislava", time: "2024-03-31T01:00:00Z", want: "6 03:00" },
  { zone: "Europe/Bratislava", time: "2024-10-27T00:30:00Z", want: "6 02:30" },
  { zone: "Europe/Bratislava", time: "2024-10-27T01:30:00Z", want: "6 02:30" },
  { zone: "Asia/Kathmandu", time: "2024-05-15T18:14:00Z", want: "2 23:59" },
  { zone: "Asia/Kathmandu", time: "2024-05-15T18:15:00Z", want: "3 00:00" },
  { zone: "Pacific/Auckland", time: "2024-06-30T12:00:00Z", want: "0 00:00" },
];

for (const { zone, time, want } of cases) {
  Deno.test(`ZoneClock of ${zone} at ${time}`, { permissions: "none" }, () => {
    const clock = new ZoneClock(zone);
    clock.minuteOfWeek(Date.parse(time) - 86_400_000);
    const minute = clock.minuteOfWeek(Date.parse(time));
    const two = (value: number) => String(value).padStart(2, "0");
    const text = `${Math.floor(minute / 1440)} ${two(Math.floor(minute / 60) % 24)}:${
      two(minute % 60)
    }`;
    assert.equal(text, want);
  });
}

Deno.test("ZoneClock gives NaN for no time", { permissions: "none" }, () => {
  assert(Number.isNaN(new ZoneClock("UTC").minuteOfWeek(NaN)));
  assert(Number.isNaN(new ZoneClock("UTC").minuteOfWeek(1e300)));
});
