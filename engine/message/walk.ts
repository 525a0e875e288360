/** The walk over a message: from octets to the tree of parts of every reading. */
import type { Buffer } from "node:buffer";
import type { Budget } from "../budget.ts";
import type { Ambiguity, OctetRange } from "../types.ts";
import type { AmbiguityName } from "./ambiguities.ts";
import { archiveInMail } from "./archive_in_mail.ts";
import { splitAt, undeclaredBoundaries } from "./boundaries.ts";
import { findEmbedded } from "./embedded.ts";
import { decodeBody } from "./encodings.ts";
import { type HeaderReading, readHeader } from "./headers.ts";
import {
  LINE_COST,
  MAX_MULTIPART_DEPTH,
  MAX_UNDECLARED,
  MIN_LOOSE_TEXT,
  WALK_FACTOR,
  WALK_FLOOR,
} from "./limits.ts";
import { innerHeader } from "./inner_header.ts";
import { isBlank, isMessage, isMultipart, mayHoldText } from "./kinds.ts";
import { looksLikeMail } from "./looks_like_mail.ts";
import { type Meaning, readMeaning } from "./meaning.ts";
import { decodeNames } from "./names.ts";
import { joinPieces, type Piece, readPiece } from "./partial.ts";
import { Source } from "./source.ts";
import type { PartContent, PartReading } from "./types.ts";
import { below, headlessPart, type Part, type Place } from "./walk_parts.ts";
import { type FoundPiece, joinYencPieces } from "./yenc_pieces.ts";

const NO_CONTENTS: readonly PartContent[] = [];
const EMPTY = new Uint8Array();

/** Walks over one message and charges what it does to one budget. */
export class Walker {
  readonly ambiguities: Ambiguity[] = [];
  readonly #budget: Budget;
  readonly #seen = new Set<string>();
  readonly #pieces: Piece<{ readonly part: Part; readonly place: Place }>[] = [];
  readonly #yencPieces: FoundPiece<{ readonly part: Part; readonly place: Place }>[] = [];
  #walkLeft: number;

  constructor(budget: Budget, messageOctets: number) {
    this.#budget = budget;
    this.#walkLeft = messageOctets * WALK_FACTOR + WALK_FLOOR;
  }

  /** Notes an ambiguity, each name once a part. */
  note(name: AmbiguityName, path: string): void {
    const key = `${name} ${path}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.ambiguities.push({ name, part: path });
    // What was not followed was not scanned.
    if (name === "too-many-readings") this.#budget.breach("malformed");
  }

  /** Reads a part or message with its header. */
  entity(
    source: Source,
    start: number,
    end: number,
    place: Place,
    digest = false,
    read?: HeaderReading,
  ): PartReading {
    let header = read ?? readHeader(source, start, end);
    let meaning = readMeaning(source, header);
    if (header.fields.length === 0 && header.bodyStarts[0]! > start && end > start) {
      const late = this.#lateHeader(source, header, end);
      if (late !== undefined) {
        this.note("leading-blank-line", place.path);
        header = { ...late, bodyStarts: [...header.bodyStarts, ...late.bodyStarts] };
        meaning = readMeaning(source, late);
        if (!meaning.encodings.includes("identity")) {
          meaning = { ...meaning, encodings: [...meaning.encodings, "identity"] };
        }
      }
    }
    for (const name of header.ambiguities) this.note(name, place.path);
    for (const name of meaning.ambiguities) this.note(name, place.path);
    const bodyStart = Math.min(header.bodyStarts[0]!, end);
    const part: Part = {
      path: place.path,
      kind: "leaf",
      depth: place.depth,
      source: source.octets,
      inMessage: source.isMessage,
      range: { start, end },
      headerRange: { start, end: Math.max(start, Math.min(header.headerEnd, end)) },
      bodyRange: { start: bodyStart, end },
      contents: NO_CONTENTS,
      names: meaning.names,
      declaredTypes: meaning.types,
      attachment: meaning.attachment,
      charsets: meaning.charsets,
      children: [],
    };
    const { types } = meaning;
    const multipart = meaning.boundaries.length > 0 ||
      types.some((type) => type.startsWith("multipart/"));
    const message = types.some((type) => isMessage(type)) || digest && types.length === 0;
    if ((multipart || message) && !this.#mayNest(place)) {
      part.contents = this.#decode(source, header, meaning, part, place);
      return part;
    }
    if (multipart) this.#multipart(source, header, meaning, part, place);
    else this.#leaf(source, header, meaning, part, place);
    if (message) this.#message(source, part, place);
    if (types.includes("message/partial")) {
      part.kind = "partial";
      this.note("partial-message", part.path);
      const piece = readPiece(source, header, { part, place });
      if (piece !== undefined) this.#pieces.push(piece);
    } else if (types.includes("message/external-body")) {
      part.kind = "external";
      this.note("external-body", part.path);
    }
    return part;
  }

  /** Messages and files of which all pieces are there become children of the part of their first piece. Call once, when all is read. */
  joinPieces(): void {
    for (const { part: { part, place }, name, octets } of joinYencPieces(this.#yencPieces)) {
      if (!this.#budget.file() || !this.#budget.unpacked(octets.length)) return;
      const whole = { start: 0, end: octets.length };
      const content = { octets, reading: "yenc/joined" };
      const source = new Source(octets, false);
      part.children.push(
        headlessPart(below(part, place), "embedded", source, whole, content, decodeNames([name])),
      );
    }
    if (this.#pieces.length === 0) return;
    const joined = joinPieces(this.#pieces, ({ part }) => part.contents[0]?.octets ?? EMPTY);
    for (const { part: { part, place }, octets } of joined) {
      const charged = this.#budget.depth(place.depth + 1) && this.#budget.file() &&
        this.#budget.unpacked(octets.length) && this.#walk(octets.length);
      if (!charged) return;
      const inner = { ...below(part, place), depth: place.depth + 1 };
      part.children.push(this.entity(new Source(octets, false), 0, octets.length, inner));
    }
  }

  /** A header behind empty lines, if one is there. */
  #lateHeader(source: Source, header: HeaderReading, end: number): HeaderReading | undefined {
    let at = header.bodyStarts[0]!;
    while (at < end && (source.octets[at] === 13 || source.octets[at] === 10)) at++;
    if (at >= end || !/^\s*content-[a-z-]+\s*:/i.test(source.text(at, Math.min(end, at + 64)))) {
      return undefined;
    }
    return readHeader(source, at, end);
  }

  #mayNest(place: Place): boolean {
    if (place.nesting >= MAX_MULTIPART_DEPTH) return this.#budget.breach("depth");
    return true;
  }

  /** Whether work on so many octets may go on. */
  #walk(octets: number): boolean {
    if (!this.#budget.time()) return false;
    this.#walkLeft -= octets;
    return this.#walkLeft >= 0 || this.#budget.breach("octets");
  }

  /** What it costs to look at each line of interest once, octets. */
  #lineCost(source: Source, start: number, end: number): number {
    if (source.hasMoreLines) this.#budget.breach("malformed");
    return LINE_COST * source.countLines(start, end);
  }

  #multipart(
    source: Source,
    header: HeaderReading,
    meaning: Meaning,
    part: Part,
    declaredPlace: Place,
  ): void {
    const place = meaning.anyBoundary ? { ...declaredPlace, anyBoundary: true } : declaredPlace;
    part.kind = "multipart";
    const start = Math.min(part.range.end, ...header.bodyStarts);
    const end = part.range.end;
    const declared = meaning.types.some((type) => type.startsWith("multipart/"));
    const digest = meaning.types.includes("multipart/digest");
    let found = this.#split(source, start, end, meaning.boundaries, part, place, digest);
    const encoded = meaning.encodings.some((one) => one !== "identity");
    if (encoded) {
      for (const content of this.#decode(source, header, meaning, part, place)) {
        if (content.octets.buffer === source.octets.buffer) continue; // split above already
        if (!this.#walk(content.octets.length)) break;
        const inner = new Source(content.octets, false);
        const more = this.#split(
          inner,
          0,
          content.octets.length,
          meaning.boundaries,
          part,
          place,
          digest,
        );
        if (more) this.note("encoded-multipart", part.path);
        found = found || more;
      }
    }
    if (!found) {
      if (declared) this.note("missing-boundary", part.path);
      part.kind = "leaf";
    }
    if (!found || !declared || meaning.types.length > 1 && !meaning.types.every(isMultipart)) {
      // Some readers take the whole body for one content.
      if (found && !declared) this.note("undeclared-multipart", part.path);
      const inner = declared && !found ? { ...place, anyBoundary: true } : place;
      this.#leaf(source, header, meaning, part, inner, found);
    }
  }

  /** Splits at each boundary; true if a part was found. */
  #split(
    source: Source,
    start: number,
    end: number,
    boundaries: readonly string[],
    part: Part,
    place: Place,
    digest: boolean,
  ): boolean {
    const seen = new Set<string>();
    let found = false;
    for (const boundary of boundaries) {
      if (!this.#walk(1024 + this.#lineCost(source, start, end))) break;
      const split = splitAt(source, start, end, boundary);
      for (const name of split.ambiguities) this.note(name, part.path);
      for (const segment of split.segments) {
        if (boundaries.length > 1) {
          const key = `${segment.start}-${segment.end}`;
          if (seen.has(key)) continue;
          seen.add(key);
        }
        if (segment.kind === "part") {
          if (!this.#child(source, segment, part, place, digest)) return true;
          found = true;
        } else if (!this.#loose(source, segment, segment.kind, part, place)) return found;
      }
    }
    return found;
  }

  /** One more body part; false if the budget is used up. */
  #child(source: Source, range: OctetRange, part: Part, place: Place, digest: boolean): boolean {
    if (!this.#budget.file() || !this.#budget.time()) return false;
    part.children.push(this.entity(source, range.start, range.end, below(part, place), digest));
    return true;
  }

  /** Preamble or epilogue: text without header. */
  #loose(
    source: Source,
    range: OctetRange,
    kind: "preamble" | "epilogue",
    part: Part,
    place: Place,
  ): boolean {
    const octets = source.octets.subarray(range.start, range.end);
    if (octets.length < MIN_LOOSE_TEXT || isBlank(octets)) return true;
    if (!this.#budget.file() || !this.#walk(octets.length)) return false;
    const inner = below(part, place);
    const content = { octets, reading: "identity" };
    const loose = headlessPart(inner, kind, source, range, content);
    part.children.push(loose);
    this.#inText(source, range.start, range.end, loose, inner, false);
    return true;
  }

  #decode(
    source: Source,
    header: HeaderReading,
    meaning: Meaning,
    part: Part,
    place: Place,
  ): readonly PartContent[] {
    const end = part.range.end;
    const bodies: Buffer[] = header.bodyStarts.map((at) =>
      source.buffer.subarray(Math.min(at, end), end)
    );
    const size = bodies.length * meaning.encodings.length * (end - part.range.start);
    if (!this.#walk(size)) {
      return [{ octets: source.octets.subarray(part.bodyRange.start, end), reading: "identity" }];
    }
    const decoded = decodeBody(
      bodies,
      meaning.encodings,
      this.#budget.octetsLeft,
      () => this.#budget.timeNow(),
      place.farFetched ? 1 : Infinity,
    );
    for (const name of decoded.ambiguities) this.note(name, part.path);
    let charge = 0;
    for (const content of decoded.contents) {
      if (content.octets.buffer !== source.octets.buffer) charge += content.octets.length;
    }
    if (charge > 0) this.#budget.unpacked(charge);
    return decoded.contents;
  }

  #leaf(
    source: Source,
    header: HeaderReading,
    meaning: Meaning,
    part: Part,
    place: Place,
    split = false,
  ): void {
    part.contents = this.#decode(source, header, meaning, part, place);
    const binhex = meaning.types.some((type) => type.includes("binhex"));
    if (meaning.types.some(isMessage)) return; // read as a message below
    for (const content of part.contents) {
      if (content.octets.buffer === source.octets.buffer) {
        const start = content.octets.byteOffset - source.octets.byteOffset;
        this.#inText(source, start, start + content.octets.length, part, place, binhex, split);
      } else if (mayHoldText(meaning, content.octets) && this.#walk(content.octets.length)) {
        const inner = new Source(content.octets, false);
        const decoded = { ...place, farFetched: true };
        this.#inText(inner, 0, content.octets.length, part, decoded, binhex, split);
      }
    }
  }

  /** What stands in text: files, and multiparts that nobody declared. */
  #inText(
    source: Source,
    start: number,
    end: number,
    part: Part,
    place: Place,
    binhex: boolean,
    split = false,
  ): void {
    const cost = this.#lineCost(source, start, end);
    const isBare = cost === 0 && !binhex && source.encodings(start, end).length === 0;
    if (isBare || !this.#walk(cost)) return;
    const { files, more } = findEmbedded(
      source,
      start,
      end,
      this.#budget.octetsLeft,
      binhex,
      (octets) => this.#walk(octets),
    );
    if (more) this.#budget.breach("files");
    for (const file of files) {
      if (!this.#budget.file()) return;
      this.#budget.unpacked(file.octets.length);
      if (file.odd && file.reading.startsWith("uuencode")) {
        this.note("malformed-uuencode", part.path);
      }
      if (file.odd && file.reading === "yenc") this.note("malformed-yenc", part.path);
      const inner = below(part, place);
      const { piece, name, octets, reading } = file;
      const names = decodeNames([name]);
      const content = { octets, reading };
      part.children.push(headlessPart(inner, "embedded", source, file, content, names));
      if (piece) this.#yencPieces.push({ ...piece, name, octets, part: { part, place } });
    }
    if (split || place.nesting >= MAX_MULTIPART_DEPTH) return;
    const from = this.#undeclared(source, start, end, part, place);
    if (place.farFetched) return;
    // behind the part's own header, which other readers may take for its body
    const least = source.octets === part.source ? Math.max(from, part.bodyRange.start) : from;
    const at = innerHeader(source, least, end);
    if (at === undefined || !this.#walk(end - at)) return;
    const guessed = (place.guessed ?? 0) + 1;
    if (guessed > MAX_UNDECLARED) return this.note("too-many-readings", part.path);
    this.#child(source, { start: at, end }, part, { ...place, guessed }, false);
  }

  /** Multiparts that nobody declared, one behind the other; where the last of them ends. */
  #undeclared(source: Source, start: number, end: number, part: Part, place: Place): number {
    const guessed = (place.guessed ?? 0) + 1;
    let from = start;
    for (let round = 0; round < MAX_UNDECLARED && from < end; round++) {
      const [boundary] = undeclaredBoundaries(source, from, end, 1, place.anyBoundary);
      if (boundary === undefined || !this.#walk(end - from)) return from;
      if (guessed > MAX_UNDECLARED) {
        this.note("too-many-readings", part.path);
        return end;
      }
      const { segments } = splitAt(source, from, end, boundary);
      this.note("undeclared-multipart", part.path);
      let last = from;
      for (const segment of segments) {
        if (segment.kind !== "part") continue;
        if (!this.#child(source, segment, part, { ...place, guessed }, false)) return end;
        last = Math.max(last, segment.end);
      }
      if (last <= from) return from;
      from = last;
    }
    return from;
  }

  /** message/rfc822 and its like: the embedded message is the one child. */
  #message(source: Source, part: Part, place: Place): void {
    const kept: PartContent[] = [];
    for (const content of part.contents) {
      const same = content.octets.buffer === source.octets.buffer;
      const mail = looksLikeMail(content.octets);
      if (!mail) kept.push(content);
      const archive = mail ? archiveInMail(content.octets) : undefined;
      if (archive) kept.push({ octets: archive, reading: "identity/archive" });
      if (!mail && content.octets.length === 0) continue;
      if (!this.#budget.depth(place.depth + 1) || !this.#budget.file()) {
        if (mail) kept.push(content);
        continue;
      }
      if (!same) this.note("encoded-multipart", part.path);
      const from = content.octets.byteOffset - source.octets.byteOffset;
      const inner = { ...below(part, place), depth: place.depth + 1 };
      part.children.push(
        same
          ? this.entity(source, from, from + content.octets.length, inner)
          : this.entity(new Source(content.octets, false), 0, content.octets.length, inner),
      );
    }
    part.contents = kept;
    if (part.kind === "leaf") part.kind = "message";
  }
}
