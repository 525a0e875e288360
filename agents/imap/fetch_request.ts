/** The FETCH command, taken apart: RFC 9051, section 6.4.5, with the modifiers of RFC 4466 and 7162. */
import { PosternError } from "../../errors.ts";
import { MAX_FETCH_ITEMS } from "./limits.ts";
import { ArgumentReader, type Piece } from "./pieces.ts";
import { type Item, itemClass, parseItem, writeItem } from "./sections.ts";

/** A FETCH or UID FETCH. */
export interface FetchRequest {
  /** Whether the set is of UIDs. */
  readonly uid: boolean;
  /** As it came: `1:4,7,*`, or `$` (RFC 5182). */
  readonly set: string;
  /** Items, macros taken apart; at least one. */
  readonly items: readonly Item[];
  /** CHANGEDSINCE, as it came. */
  readonly changedSince?: string;
  /** VANISHED of QRESYNC. */
  readonly vanished: boolean;
}

const SET =
  /(?:\$|(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?(?:,(?:\d{1,10}|\*)(?::(?:\d{1,10}|\*))?)*)(?= )/y;

const FAST = ["FLAGS", "INTERNALDATE", "RFC822.SIZE"];
const MACROS: Readonly<Record<string, readonly string[]>> = {
  FAST,
  ALL: [...FAST, "ENVELOPE"],
  FULL: [...FAST, "ENVELOPE", "BODY"],
};

/**
 * Reads what stands behind `FETCH` or `UID FETCH`.
 *
 * @throws {PosternError} `wire/bad-frame` with what was expected; such a command is not passed on.
 */
export function parseFetch(pieces: readonly Piece[], uid: boolean): FetchRequest {
  const reader = new ArgumentReader(pieces);
  reader.expect(" ");
  const set = reader.match(SET);
  if (set === undefined) throw new PosternError("wire/bad-frame", "expected a set of messages");
  reader.expect(" ");
  const items = parseItems(reader);
  const modifiers = reader.atEnd ? {} : parseModifiers(reader);
  if (!reader.atEnd) throw new PosternError("wire/bad-frame", "expected the end of FETCH");
  return { uid, set, items, vanished: false, ...modifiers };
}

function parseItems(reader: ArgumentReader): readonly Item[] {
  if (!reader.accept("(")) {
    const item = parseItem(reader);
    return MACROS[item.name]?.map((name) => ({ name })) ?? [withModifier(reader, item)];
  }
  const items: Item[] = [];
  while (true) {
    items.push(withModifier(reader, parseItem(reader)));
    if (items.length > MAX_FETCH_ITEMS) {
      throw new PosternError("wire/bad-frame", `expected at most ${MAX_FETCH_ITEMS} data items`);
    }
    if (reader.accept(")")) return items;
    reader.expect(" ");
  }
}

/** PREVIEW (LAZY): RFC 8970, section 3. */
function withModifier(reader: ArgumentReader, item: Item): Item {
  if (item.name !== "PREVIEW" && item.name !== "SNIPPET") return item;
  const modifier = reader.match(/ \((?:LAZY|FUZZY|LAZY=FUZZY)\)/iy);
  return modifier === undefined ? item : { ...item, modifier: modifier.slice(2, -1) };
}

function parseModifiers(reader: ArgumentReader): Partial<FetchRequest> {
  let changedSince: string | undefined;
  let vanished = false;
  reader.expect(" (");
  do {
    if (reader.accept("VANISHED")) vanished = true;
    else {
      reader.expect("CHANGEDSINCE ");
      changedSince = reader.match(/\d{1,19}/y);
      if (changedSince === undefined) {
        throw new PosternError("wire/bad-frame", "expected a number behind CHANGEDSINCE");
      }
    }
  } while (reader.accept(" "));
  reader.expect(")");
  return { vanished, ...(changedSince === undefined ? {} : { changedSince }) };
}

/** What the items of a request tell of messages: the most telling of them. */
export function requestClass({ items }: FetchRequest): "plain" | "overview" | "content" {
  const classes = items.map(itemClass);
  if (classes.includes("content")) return "content";
  return classes.includes("overview") ? "overview" : "plain";
}

/** Whether the client itself asked for UIDs, so that they are to be in the answer. */
export function asksForUid({ uid, items }: FetchRequest): boolean {
  return uid || items.some(({ name }) => name === "UID");
}

/**
 * The request as a command to the server, without its tag.
 *
 * @param set Another set of the same kind.
 * @param withModifiers Whether CHANGEDSINCE and VANISHED are part of it.
 */
export function writeFetch(request: FetchRequest, set: string, withModifiers: boolean): string {
  const { uid, items, changedSince, vanished } = request;
  // The UID comes first, so that most servers answer it first: what comes behind it is known for whose it is.
  const names = ["UID", ...items.filter(({ name }) => name !== "UID").map(writeItem)];
  const modifiers: string[] = [];
  if (changedSince !== undefined) {
    if (withModifiers) modifiers.push(`CHANGEDSINCE ${changedSince}`);
    else if (!names.includes("MODSEQ")) names.push("MODSEQ"); // which CHANGEDSINCE asks for (RFC 7162, section 3.1.4.1)
  }
  if (vanished && withModifiers) modifiers.push("VANISHED");
  const behind = modifiers.length > 0 ? ` (${modifiers.join(" ")})` : "";
  return `${uid ? "UID " : ""}FETCH ${set} (${names.join(" ")})${behind}`;
}

/** The messages of a set that names each of them; `undefined` where it has `*`, `$` or more than so many. */
export function namedMessages(set: string, most: number): readonly number[] | undefined {
  if (!/^[\d:,]+$/.test(set)) return undefined;
  const numbers = new Set<number>();
  for (const range of set.split(",")) {
    const [a, b = a] = range.split(":").map(Number) as [number, number?];
    const [first, last] = a <= b ? [a, b] : [b, a];
    if (last - first >= most) return undefined;
    for (let n = first; n <= last; n++) numbers.add(n);
    if (numbers.size > most) return undefined;
  }
  return numbers.has(0) ? undefined : [...numbers];
}

/**
 * Whether a message is in a set.
 *
 * @param last The last message of all, which `*` stands for.
 */
export function isInSet(set: string, message: number, last: number): boolean {
  return set.split(",").some((range) => {
    const [a = 0, b = a] = range.split(":").map((each) => each === "*" ? last : Number(each));
    return message >= Math.min(a, b) && message <= Math.max(a, b);
  });
}

/** Numbers as sets, each at most so many octets long: `1:4,7`. */
export function* writeSets(numbers: readonly number[], maxOctets: number): Generator<string> {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  let set = "";
  for (let i = 0; i < sorted.length; i++) {
    const first = sorted[i]!;
    while (sorted[i + 1] === sorted[i]! + 1) i++;
    const last = sorted[i]!;
    const range = first === last ? `${first}` : `${first}:${last}`;
    if (set !== "" && set.length + range.length + 1 > maxOctets) {
      yield set;
      set = "";
    }
    set += set === "" ? range : `,${range}`;
  }
  if (set !== "") yield set;
}
