import { EICAR_NAME, isEicar } from "./eicar.ts";
import { ContentHashes } from "./hash_list.ts";
import { nameHeuristics } from "./heuristics.ts";
import type { Modules } from "./modules.ts";
import { programLayout } from "./program_layout.ts";

/** A detection, before it has a place in the tree of parts. */
export interface Detection {
  readonly name: string;
  readonly severity: "infected" | "suspicious" | "spam";
  readonly engine: "builtin" | "hash" | "pattern" | "yara" | "heuristic";
  readonly offset?: number;
}

/** What one content gave. */
export interface ContentDetections {
  readonly detections: readonly Detection[];
  /** Whether octets of some pattern were seen; if not, no part of this content has to be searched again. */
  readonly touched: boolean;
  /** The content was made so that the search would cost too much, and was not searched to its end. */
  readonly exhausted: boolean;
}

/** What is known of a content besides its octets. */
export interface DetectOptions {
  /** The octets lie in a content that was searched and in which no pattern's octets were. */
  readonly searched: boolean;
  /** Types of what the content lies in, the outermost first: `message>zip`. */
  readonly container?: string;
}

/**
 * Looks at one content with every list and pattern.
 */
export function detectContent(
  octets: Uint8Array,
  type: string,
  hashes: ContentHashes,
  modules: Modules,
  { searched, container }: DetectOptions,
): ContentDetections {
  if (isEicar(octets)) {
    const eicar = { name: EICAR_NAME, severity: "infected", engine: "builtin", offset: 0 } as const;
    return { detections: [eicar], touched: true, exhausted: false };
  }
  if (modules.good.some((list) => list.find(hashes) !== undefined)) {
    return { detections: [], touched: true, exhausted: false };
  }
  const detections: Detection[] = [];
  for (const list of modules.hashes) {
    const match = list.match(hashes);
    if (match) detections.push({ ...match, engine: "hash" });
  }
  if (type === "pe") detections.push(...detectSections(octets, modules));
  for (const rules of modules.yara) {
    for (const match of rules.match(octets)) detections.push({ ...match, engine: "yara" });
  }
  let touched = false;
  let exhausted = false;
  for (const set of modules.patterns) {
    const found = set.search(octets, type, {
      searched,
      ...(container === undefined ? {} : { container }),
    });
    touched ||= found.touched;
    exhausted ||= found.exhausted;
    for (const { pattern, offset } of found.matches) {
      const { name, severity } = pattern;
      const engine = name === EICAR_NAME ? "builtin" : "pattern";
      detections.push({ name, severity, engine, offset });
    }
  }
  return { detections, touched, exhausted };
}

/** Sections of a program that are known. */
function detectSections(octets: Uint8Array, { sections: lists }: Modules): readonly Detection[] {
  if (lists.length === 0) return [];
  const { sections = [] } = programLayout(octets) ?? {};
  const detections: Detection[] = [];
  for (const { start, size } of sections) {
    const content = octets.subarray(start, start + size);
    if (content.length === 0 || content.length !== size) continue;
    const hashes = new ContentHashes(content);
    for (const list of lists) {
      const match = list.match(hashes);
      if (match) detections.push({ ...match, engine: "hash", offset: start });
    }
  }
  return detections;
}

/** What the names of a content and its type give. */
export function detectNames(
  names: readonly string[],
  type: string,
  encrypted: boolean,
): readonly Detection[] {
  return nameHeuristics({ names, type, encrypted }).map(({ name }) => ({
    name,
    severity: "suspicious",
    engine: "heuristic",
  }));
}
