/** What an external engine says of one object, in one shape for all of them. */
import type { EngineFailure } from "../../engine/types.ts";
import { MAX_DETAIL_CHARACTERS, MAX_FINDINGS, MAX_NAME_CHARACTERS } from "./limits.ts";

/** Something that an engine found. */
export interface FoundName {
  /** Printable ASCII, at most 200 characters. */
  readonly name: string;
  /** True where the engine itself calls it a guess or a matter of policy. */
  readonly guess?: boolean;
}

/** The answer of one engine. */
export type EngineAnswer =
  | { readonly status: "clean" }
  | { readonly status: "found"; readonly found: readonly FoundName[] }
  | {
    readonly status: "notScanned";
    readonly reason: EngineFailure;
    /** For the log: one line, what was said or went wrong. */
    readonly detail: string;
  };

/** An answer of an engine that gave no verdict. */
export function silent(reason: EngineFailure, detail: string): EngineAnswer {
  return { status: "notScanned", reason, detail: printable(detail, MAX_DETAIL_CHARACTERS) };
}

/** An answer with names; each once. Names of nothing but unprintable characters come out as `Unnamed`. */
export function found(names: readonly string[], guess = false): EngineAnswer {
  const distinct = [...new Set(names.map(findingName))].slice(0, MAX_FINDINGS);
  return {
    status: "found",
    found: distinct.map((name) => ({ name, ...(guess ? { guess } : {}) })),
  };
}

/** A name as findings have them: engine/types.ts, `Finding.name`. */
export function findingName(text: string): string {
  return printable(text, MAX_NAME_CHARACTERS) || "Unnamed";
}

function printable(text: string, characters: number): string {
  return text.slice(0, 4 * characters).replace(/[^\x20-\x7e]+/g, " ").trim().slice(0, characters);
}
