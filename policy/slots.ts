/**
 * The settings as a list of slots. "First rule wins for each setting" means: for each slot. Sets of slots are two words of
 * bits, since there are more than 31.
 */
import type { Settings } from "./schema.ts";
import { REPORT_STATUSES, type ReportStatus, type ResolvedSettings } from "./types.ts";
import { parseSize, parseTime } from "./units.ts";

/** A value that a slot can hold: plain data. */
export type SlotValue = string | number | readonly string[];

/** One setting. */
export interface Slot {
  /** Its path in a document: `antivirus.infected`. */
  readonly name: string;
  readonly path: readonly [string] | readonly [string, string];
}

const PATHS: readonly (readonly [string] | readonly [string, string])[] = [
  ["action"], // with its reply and redirect, which are no slots of their own
  ["antivirus", "action"],
  ["antispam", "action"],
  ["antivirus", "clean"],
  ["antivirus", "infected"],
  ["antivirus", "suspicious"],
  ["antivirus", "notScanned"],
  ["antivirus", "deleted"],
  ["antispam", "threshold"],
  ["antispam", "spam"],
  ["antispam", "subjectPrefix"],
  ["limits", "messageSize"],
  ["limits", "archiveLevels"],
  ["limits", "archiveSize"],
  ["limits", "archiveFiles"],
  ["limits", "archiveRatio"],
  ["limits", "scanTime"],
  ["marks", "header"],
  ["marks", "subject"],
  ["marks", "footnote"],
  ["quarantine"],
  ...REPORT_STATUSES.map((status) => ["notify", status] as const),
  ...REPORT_STATUSES.map((status) => ["replies", status] as const),
  ["replies", "rule"],
  ["antivirus", "ambiguous"],
  ["marks", "language"],
  ["greylist", "action"],
  ["greylist", "delay"],
  ["greylist", "window"],
  ["greylist", "keep"],
  ["greylist", "proven"],
];

/** Every slot, in a fixed order: part of the format of the tree. */
export const SLOTS: readonly Slot[] = PATHS.map((path) => ({ name: path.join("."), path }));

/** Slot of the final action. */
export const ACTION_SLOT = 0;
/** Slot of `antivirus.action`. */
export const ANTIVIRUS_SLOT = 1;
/** Slot of `antispam.action`. */
export const ANTISPAM_SLOT = 2;
/** Slots on which it hangs whether a decision before the scan is final, as bits of the low word. */
export const GATE_SLOTS = 0b111;

/** Slots of `greylist`. */
export const GREYLIST_SLOTS: ReadonlySet<number> = new Set(
  SLOTS.flatMap(({ path }, slot) => path[0] === "greylist" ? [slot] : []),
);

/** Bits of the low word. */
export const LOW_BITS = 28;

const SLOT_BY_NAME = new Map(SLOTS.map((slot, index) => [slot.name, index]));

/** @returns the number of a slot by its name; -1 when there is none. */
export function slotNumber(name: string): number {
  return SLOT_BY_NAME.get(name) ?? -1;
}

/** Low and high word of the set of these slots. */
export function slotMask(slots: Iterable<number>): { low: number; high: number } {
  let low = 0;
  let high = 0;
  for (const slot of slots) {
    if (slot < LOW_BITS) low |= 1 << slot;
    else high |= 1 << (slot - LOW_BITS);
  }
  return { low, high };
}

/** Some settings by slot number. */
export type SlotValues = ReadonlyMap<number, SlotValue>;

/** Settings of a document as slots; sizes become octets, times milliseconds, `always` and single items lists. */
export function slotValues(settings: Settings): Map<number, SlotValue> {
  const values = new Map<number, SlotValue>();
  const record = settings as Readonly<Record<string, unknown>>;
  SLOTS.forEach(({ path: [first, second] }, index) => {
    const section = record[first];
    const value = second === undefined
      ? section
      : (section as Readonly<Record<string, unknown>> | undefined)?.[second];
    if (value !== undefined && index !== ACTION_SLOT) {
      values.set(index, normal(first, second, value));
    }
  });
  return values;
}

function normal(first: string, second: string | undefined, value: unknown): SlotValue {
  if (first === "limits" && typeof value === "string") {
    return (second === "scanTime" ? parseTime(value) : parseSize(value)) ?? 0;
  }
  if (first === "greylist" && second !== "action" && typeof value === "string") {
    return parseTime(value) ?? 0;
  }
  if (first === "quarantine" || first === "marks" && second !== "language") {
    return statusesOf(value);
  }
  if (first === "notify") return [value].flat() as string[];
  return value as SlotValue;
}

function statusesOf(value: unknown): readonly ReportStatus[] {
  if (value === "always") return REPORT_STATUSES;
  if (value === "never") return [];
  const wanted = [value].flat();
  return REPORT_STATUSES.filter((status) => wanted.includes(status));
}

/** The value of a slot in whole settings. */
export function slotOf(settings: ResolvedSettings, slot: number): SlotValue | undefined {
  const { path: [first, second] } = SLOTS[slot]!;
  const section = (settings as unknown as Readonly<Record<string, unknown>>)[first];
  return (second === undefined
    ? section
    : (section as Readonly<Record<string, unknown>>)[second]) as SlotValue | undefined;
}

/** New settings in which the slots have these values; `base` stays as it is. */
export function withSlots(base: ResolvedSettings, values: SlotValues): ResolvedSettings {
  if (values.size === 0) return base;
  const made: Record<string, unknown> = { ...base };
  const copied = new Set<string>();
  for (const [slot, value] of values) {
    const { path: [first, second] } = SLOTS[slot]!;
    if (slot === ACTION_SLOT) continue;
    if (second === undefined) made[first] = value;
    else {
      if (!copied.has(first)) made[first] = { ...made[first] as object };
      copied.add(first);
      (made[first] as Record<string, unknown>)[second] = value;
    }
  }
  return made as unknown as ResolvedSettings;
}
