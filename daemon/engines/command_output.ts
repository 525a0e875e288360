/** What a program's end and words say. */
import { type EngineAnswer, found, silent } from "./answer.ts";
import { MAX_FINDINGS, MAX_LINE_CHARACTERS, MAX_OUTPUT_LINES } from "./limits.ts";

/** How a program's end and words are read. */
export interface CommandMeaning {
  readonly clean: readonly number[];
  /** Asked before `clean`. */
  readonly infected: readonly number[];
  /** A line that says infected, whatever the status. */
  readonly infectedText?: RegExp;
  /** A line that names a finding, in its first group. */
  readonly findingText: RegExp;
}

/** How a program ended. */
export interface CommandEnd {
  /** Absent where a signal ended it. */
  readonly status?: number;
  readonly signal?: string;
  /** What it wrote, both outputs together. */
  readonly output: Uint8Array;
}

/** Reads the end of a program that was not killed for its time. */
export function commandAnswer(meaning: CommandMeaning, end: CommandEnd): EngineAnswer {
  const lines = new TextDecoder().decode(end.output).split(/\r\n|\r|\n/).slice(0, MAX_OUTPUT_LINES)
    .map((line) => line.slice(0, MAX_LINE_CHARACTERS));
  const { status, signal } = end;
  const byText = meaning.infectedText !== undefined &&
    lines.some((line) => meaning.infectedText?.test(line));
  if (byText || status !== undefined && meaning.infected.includes(status)) {
    const names: string[] = [];
    for (const line of lines) {
      const name = meaning.findingText.exec(line)?.[1];
      if (name !== undefined && names.length < MAX_FINDINGS) names.push(name);
    }
    return found(names.length > 0 ? names : [""]);
  }
  if (status !== undefined && meaning.clean.includes(status)) return { status: "clean" };
  const how = status === undefined ? `signal ${signal ?? "unknown"}` : `exit status ${status}`;
  const words = lines.filter((line) => line.trim() !== "").slice(0, 3).join(" / ");
  return silent("error", words === "" ? how : `${how}: ${words}`);
}
