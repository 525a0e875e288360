import { EICAR_NAME, isEicar } from "./eicar.ts";
import type { ContentHashes } from "./hash_list.ts";
import { nameHeuristics } from "./heuristics.ts";
import type { Modules } from "./modules.ts";

/** A detection, before it has a place in the tree of parts. */
export interface Detection {
  readonly name: string;
  readonly severity: "infected" | "suspicious" | "spam";
  readonly engine: "builtin" | "hash" | "pattern" | "heuristic";
  readonly offset?: number;
}

/** What one content gave. */
export interface ContentDetections {
  readonly detections: readonly Detection[];
  /** Whether octets of some pattern were seen; if not, no part of this content has to be searched again. */
  readonly touched: boolean;
}

/**
 * Looks at one content with every list and pattern.
 *
 * @param options `searched`: the octets lie in a content that was searched and in which no pattern's octets were.
 */
export function detectContent(
  octets: Uint8Array,
  type: string,
  hashes: ContentHashes,
  modules: Modules,
  options: { readonly searched: boolean },
): ContentDetections {
  if (isEicar(octets)) {
    const eicar = { name: EICAR_NAME, severity: "infected", engine: "builtin", offset: 0 } as const;
    return { detections: [eicar], touched: true };
  }
  if (modules.good.some((list) => list.find(hashes) !== undefined)) {
    return { detections: [], touched: true };
  }
  const detections: Detection[] = [];
  for (const list of modules.hashes) {
    const name = list.find(hashes);
    if (name !== undefined) detections.push({ name, severity: "infected", engine: "hash" });
  }
  let touched = false;
  if (!options.searched) {
    for (const set of modules.patterns) {
      const found = set.search(octets, type);
      touched ||= found.touched;
      for (const { pattern, offset } of found.matches) {
        const { name, severity } = pattern;
        const engine = name === EICAR_NAME ? "builtin" : "pattern";
        detections.push({ name, severity, engine, offset });
      }
    }
  }
  return { detections, touched };
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
