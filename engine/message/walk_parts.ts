/** Parts while the walk makes them. */
import type { OctetRange } from "../types.ts";
import type { Source } from "./source.ts";
import type { PartContent, PartKind, PartReading } from "./types.ts";

/** Where a part stands in the tree. */
export interface Place {
  readonly path: string;
  /** Messages and containers around it. */
  readonly depth: number;
  /** Parts around it, all messages together. */
  readonly nesting: number;
  /** How many of these parts are of multiparts that nobody declared. */
  readonly guessed?: number;
  /** In a multipart that nobody declared, inside what had to be decoded first: no mail program shows it, a person may. */
  readonly farFetched?: boolean;
  /** In a multipart whose boundary is not known: every line of dashes before a field may be one. */
  readonly anyBoundary?: boolean;
}

/** A part while its children are being found. */
export interface Part extends PartReading {
  kind: PartKind;
  contents: readonly PartContent[];
  children: PartReading[];
}

/** Where the next child of a part stands. */
export function below(part: Part, place: Place): Place {
  const number = part.children.length + 1;
  return {
    path: part.path === "" ? `${number}` : `${part.path}.${number}`,
    depth: place.depth,
    nesting: place.nesting + 1,
    ...(place.guessed === undefined ? {} : { guessed: place.guessed }),
    ...(place.farFetched === undefined ? {} : { farFetched: place.farFetched }),
    ...(place.anyBoundary === undefined ? {} : { anyBoundary: place.anyBoundary }),
  };
}

/** A part without header: loose text, or a file that stands in text. */
export function headlessPart(
  { path, depth }: Place,
  kind: PartKind,
  source: Source,
  { start, end }: OctetRange,
  content: PartContent,
  names: readonly string[] = [],
): Part {
  return {
    path,
    kind,
    depth,
    source: source.octets,
    inMessage: source.isMessage,
    range: { start, end },
    headerRange: { start, end: start },
    bodyRange: { start, end },
    contents: [content],
    names,
    declaredTypes: [],
    attachment: kind === "embedded",
    charsets: [],
    children: [],
  };
}
