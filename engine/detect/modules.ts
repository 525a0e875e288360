/** What a scan looks for: lists and patterns that were loaded, and those built in. */
import { GTUBE_PATTERN } from "../spam/gtube.ts";
import { EICAR_PATTERN } from "./eicar.ts";
import { HashList } from "./hash_list.ts";
import { PatternSet } from "./pattern_set.ts";

/** A loaded set of one kind, as told to people. */
export interface ModuleInfo {
  /** `builtin`, or what the module calls itself. */
  readonly name: string;
  /** As the module says it. */
  readonly version: string;
  /** Signatures in it. */
  readonly count: number;
}

/** Everything that a scan looks for. Made once, never changed; a new set is switched in whole. */
export interface Modules {
  /** Content that is one of these is infected. */
  readonly hashes: readonly HashList[];
  /** Content that is one of these is known to be good: hashes and patterns are not asked. */
  readonly good: readonly HashList[];
  /** Searched in every content. */
  readonly patterns: readonly PatternSet[];
  /** What is loaded, for people. */
  readonly info: readonly ModuleInfo[];
}

let builtin: Modules | undefined;

/** The detections that are always there: test files and heuristics. Made on first use. */
export function builtinModules(): Modules {
  builtin ??= {
    hashes: [],
    good: [],
    patterns: [new PatternSet([EICAR_PATTERN, GTUBE_PATTERN])],
    info: [{ name: "builtin", version: "1", count: 2 }],
  };
  return builtin;
}
