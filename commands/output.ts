/** What commands write: whole, at once, and nothing that a terminal would obey. */
import { writeSync } from "node:fs";

const encoder = new TextEncoder();

/**
 * Writes all octets to a file descriptor, however slowly the other end reads.
 *
 * @returns false where the reader has gone.
 */
function writeAll(fd: 1 | 2, octets: Uint8Array): boolean {
  for (let at = 0; at < octets.length;) {
    try {
      at += writeSync(fd, octets, at);
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (code === "EAGAIN") continue; // a non-blocking pipe that is full
      if (code === "EPIPE") return false;
      throw error;
    }
  }
  return true;
}

/** Prints text or octets to stdout as they are. A reader that has gone is not missed: `postern … | head`. */
export function print(text: string | Uint8Array): void {
  writeAll(1, typeof text === "string" ? encoder.encode(text) : text);
}

/**
 * Hands octets to whoever reads stdout, and needs them all.
 *
 * @throws {Error} where the reader has gone, or there is no room where they go.
 */
export function handOver(octets: Uint8Array): void {
  let cause: unknown;
  try {
    if (writeAll(1, octets)) return;
    cause = new Error("nobody reads it");
  } catch (error) {
    cause = error;
  }
  throw new Error("Cannot write the message to stdout", { cause });
}

/** Prints a line to stdout. */
export function printLine(line = ""): void {
  print(line + "\n");
}

/** Prints a line to stderr, for people: results go to stdout. */
export function complain(line: string): void {
  writeAll(2, encoder.encode(line + "\n"));
}

/** Prints one JSON value, on several lines for people to read. */
export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, null, 2));
}

/**
 * Text from outside for a terminal or a line of a report: control characters (C0, C1, line and paragraph separators, and the
 * marks that turn the direction of writing) become `\u{…}`.
 */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\u2028\u2029\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** Columns that a text takes on a terminal, near enough: wide East Asian characters and emoji take two, marks none. */
function width(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue;
    columns += /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60]/
        .test(character) || /\p{Emoji_Presentation}/u.test(character)
      ? 2
      : 1;
  }
  return columns;
}

/**
 * Lays out rows in columns two spaces apart; the last column is not padded. Cells are made visible.
 *
 * @param head Column titles; `>` in front of one sets its column to the right (numbers).
 * @returns Lines with their line ends; only the head's line when there are no rows.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number | undefined)[])[],
): string {
  const right = head.map((title) => title.startsWith(">"));
  const titles = head.map((title) => title.replace(/^>/, ""));
  const cells = [titles, ...rows.map((row) => row.map((cell) => visible(String(cell ?? "-"))))];
  const widths = titles.map((_, column) =>
    Math.max(...cells.map((row) => width(row[column] ?? "")))
  );
  let text = "";
  for (const row of cells) {
    let line = "";
    for (const [column, cell] of row.entries()) {
      const gap = " ".repeat(Math.max(0, (widths[column] ?? 0) - width(cell)));
      line += (column === 0 ? "" : "  ") + (right[column] ? gap + cell : cell + gap);
    }
    text += line.trimEnd() + "\n";
  }
  return text;
}

/** A size for people: `512 B`, `1.5 MB` (1 KB is 1024 octets, as in the documents). */
export function showSize(octets: number): string {
  let value = octets;
  for (const unit of ["B", "KB", "MB", "GB"]) {
    if (value < 1024) {
      return `${unit === "B" || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
    }
    value /= 1024;
  }
  return `${value.toFixed(1)} TB`;
}

/** A time for people, in the machine's zone, to the second: `2026-01-31 12:00:00`. */
export function showTime(time: number): string {
  const at = new Date(time);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${
    two(at.getHours())
  }:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** A length of time for people: `350 ms`, `12 s`, `3 h 20 min`, `5 d 3 h`. */
export function showSpan(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
