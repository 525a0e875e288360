/** Files that stand in the text of a part: uuencode, xxencode, yEnc, BinHex. */
import { readBinhex } from "./binhex.ts";
import { MAX_DISPUTED, MAX_EMBEDDED } from "./limits.ts";
import type { Source } from "./source.ts";
import { type EmbeddedFile, readUuencoded } from "./uuencode.ts";
import { readYenc, type YencPiece } from "./yenc.ts";

/** A file and where it begins in its source. */
export interface FoundFile extends EmbeddedFile {
  readonly start: number;
  /** Where it is a piece of a yEnc file. */
  readonly piece?: YencPiece;
}

/**
 * Finds the files in a range of text.
 *
 * @param most Octets that one file may be decoded to.
 * @param isBinhex Whether the type says BinHex, so that the usual sentence before it may be missing.
 * @param walk Charged with the octets that decoding goes over; false ends the search.
 * @returns At most {@link MAX_EMBEDDED} files; `more` if there are others.
 */
export function findEmbedded(
  source: Source,
  start: number,
  end: number,
  most: number,
  isBinhex: boolean,
  walk: (octets: number) => boolean,
): { readonly files: readonly FoundFile[]; readonly more: boolean } {
  const files: FoundFile[] = [];
  let past = start;
  let disputed = 0;
  const { octets } = source;
  const barren = new Map<string, number>();
  for (const line of source.lines(start, end)) {
    if (line.kind === "dashes" || line.start < past) continue;
    if (files.length >= MAX_EMBEDDED) return { files, more: true };
    let walks = true;
    let walked = 0;
    const charge = (count: number) => {
      walked += count;
      return walks = walk(count);
    };
    if (line.kind === "begin") {
      const { bareCr } = source.ends;
      const throughBegin = disputed < MAX_DISPUTED;
      const text = { octets, end, throughBegin, bareCr, walk: charge, barren };
      const found = readUuencoded(text, line.at);
      for (const file of found) files.push({ ...file, start: line.at });
      // A begin line inside what another reader takes for data may begin a file of its own: only undisputed data is passed over.
      const [only] = found;
      if (found.some(({ odd }) => odd) || walked > 0 && only === undefined) disputed++;
      else if (only?.reading === "uuencode") past = only.end;
      if (walked === 0) charge(line.next - line.at);
    } else if (line.kind === "yenc") {
      const file = readYenc(octets, line.at, end);
      charge((file?.end ?? line.next) - line.at);
      // what stands within is passed over by nobody who knows no yEnc
      if (file !== undefined) files.push({ ...file, start: line.at });
    } else {
      const file = readBinhex(octets, line.at, end, most);
      charge((file?.end ?? line.next) - line.at);
      if (file !== undefined) files.push(...contentsOf(file, line.at));
      if (file !== undefined && !file.odd) past = file.end;
    }
    if (!walks) break;
  }
  if (isBinhex && files.length === 0) {
    const file = readBinhex(octets, start, end, most);
    if (file !== undefined) files.push(...contentsOf(file, start));
  }
  return { files, more: false };
}

/** Each fork is a file of its own: programs show the data fork, and a hash is of one fork. */
function contentsOf({ resource, ...file }: EmbeddedFile, start: number): readonly FoundFile[] {
  const data = { ...file, start };
  return resource === undefined ? [data] : [data, { ...data, octets: resource }];
}
