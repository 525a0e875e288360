/** Values of options in the documents' own spelling: `50MB`, `30s`. */
import { message } from "@optique/core/message";
import type { ValueParser } from "@optique/core/valueparser";
import { parseSize, parseTime } from "../policy/units.ts";

function unitValue(
  metavar: "SIZE" | "TIME",
  placeholder: number,
  read: (text: string) => number | undefined,
  show: (value: number) => string,
  example: string,
): ValueParser<"sync", number> {
  return {
    mode: "sync",
    metavar,
    placeholder,
    parse(input) {
      const value = read(input);
      return value !== undefined && value > 0
        ? { success: true, value }
        : { success: false, error: message`${input} is not a ${metavar} such as ${example}.` };
    },
    format: show,
  };
}

function inUnits(value: number, units: readonly (readonly [string, number])[]): string {
  const [unit, factor] = units.find(([, each]) => value % each === 0) ?? ["", 1];
  return `${value / factor}${unit}`;
}

const SIZES = [["GB", 1024 ** 3], ["MB", 1024 ** 2], ["KB", 1024], ["B", 1]] as const;
const TIMES = [["d", 86_400_000], ["h", 3_600_000], ["m", 60_000], ["s", 1000], ["ms", 1]] as const;

/** `SIZE`: octets, written `50MB`. */
export const sizeValue = (): ValueParser<"sync", number> =>
  unitValue("SIZE", 1, parseSize, (value) => inUnits(value, SIZES), "50MB");

/** `TIME`: milliseconds, written `30s`. */
export const timeValue = (): ValueParser<"sync", number> =>
  unitValue("TIME", 1, parseTime, (value) => inUnits(value, TIMES), "30s");
