/** Conditions, settings and their sources in words. */
import { type AttributeName, attributeRow } from "./attributes.ts";
import { WEEKDAYS } from "./schema/condition.ts";
import { SLOTS, type SlotValue } from "./slots.ts";
import { nextUp, NO_LIMIT } from "./compile/ranges.ts";
import {
  type DecisionTree,
  FALSE_NODE,
  isNegated,
  literal,
  literalAtom,
  type NumberAtom,
  TRUE_NODE,
} from "./tree.ts";
import { type AtomKey, treeSets } from "./tree_keys.ts";

const WORDS: Readonly<Record<AttributeName, string>> = {
  agent: "the agent",
  listener: "the listener",
  client: "the client",
  clientName: "the client's name",
  time: "the time",
  helo: "the HELO name",
  tls: "the connection's encryption",
  user: "the user",
  sender: "the sender",
  spf: "the SPF result",
  recipient: "the recipient",
  direction: "the direction",
  header: "header",
  subject: "the subject",
  size: "the size",
  attachment: "an attachment",
  attachmentName: "an attachment's name",
  attachmentType: "an attachment's type",
  attachmentExtension: "an attachment's extension",
  ambiguous: "an ambiguity",
  dkim: "the DKIM result",
  dmarc: "the DMARC result",
  language: "the language",
  status: "the scan's status",
  finding: "a finding",
  notScanned: "a reason for not scanning",
  engineFailed: "an external engine's silence",
  spamScore: "the spam score",
  spamSymptom: "a spam symptom",
  signaturesAge: "the signatures' age",
};

/** Most keys of a set that are named. */
const MAX_NAMED = 4;

/** A literal, node or rule's condition in words: `the sender is in list blocked and the size is over 10MB`. */
export function conditionWords(tree: DecisionTree, ref: number): string {
  if (ref === TRUE_NODE) return "every mail";
  if (ref === FALSE_NODE) return "no mail";
  if (ref < 0) return literalWords(tree, ref);
  const node = tree.nodes[ref]!;
  const all = node[0] === 0;
  return askedOf(tree, ref).map((child) => {
    const words = conditionWords(tree, child);
    return child >= 0 ? `(${words})` : words;
  }).join(all ? " and " : " or ");
}

/**
 * What stands inside a node, without sets that stand there only to be found: those which an attachment's condition beside them
 * asks anyway.
 */
export function askedOf(tree: DecisionTree, ref: number): readonly number[] {
  const inside = tree.nodes[ref]!.slice(1);
  const implied = new Set<number>();
  for (const child of inside) {
    const atom = child < 0 && !isNegated(child) ? tree.atoms[literalAtom(child)] : undefined;
    if (typeof atom !== "object" || atom.kind !== "attachment") continue;
    for (const part of [atom.name, atom.type, atom.extension]) {
      if (part !== undefined) implied.add(literal(part, false));
    }
  }
  return implied.size === 0 ? inside : inside.filter((child) => !implied.has(child));
}

/** A literal in words. */
export function literalWords(tree: DecisionTree, ref: number): string {
  const number = literalAtom(ref);
  const atom = tree.atoms[number]!;
  const not = isNegated(ref);
  const attribute = tree.attributes[typeof atom === "number" ? atom : atom.attribute]!;
  const { name, parameter, row } = attributeRow(attribute);
  const subject = attributeWords(attribute);
  if (typeof atom === "number") {
    const several = isSeveral(name);
    const words = `${subject} ${not && !several ? "is not" : "is"} ${setWords(tree, number)}`;
    return not && several ? `not: ${words}` : words;
  }
  switch (atom.kind) {
    case "enum": {
      const values: readonly string[] = "values" in row ? row.values ?? [] : [];
      const inside = values.filter((_, value) => (atom.mask & (1 << value)) !== 0);
      const outside = values.filter((_, value) => (atom.mask & (1 << value)) === 0);
      if (name === "tls") {
        return `the connection is ${(atom.mask & 2) !== 0 ? "" : "not "}encrypted`;
      }
      return (atom.mask & (1 << values.length)) === 0
        ? `${subject} is ${orWords(inside)}`
        : `${subject} is not ${orWords(outside)}`;
    }
    case "number":
      return `${subject} is ${
        atom.ranges.length === 0 ? "impossible" : orWords(rangeWords(atom, name))
      }`;
    case "presence":
      return parameter !== "" || isSeveral(name)
        ? `there is ${atom.present ? (name === "header" ? "a" : "") : "no"} ${
          subject.replace(/^an? /, "")
        }`.replace("  ", " ")
        : `there is ${atom.present ? "a" : "no"} ${subject.replace(/^the /, "")}`;
    case "attachment": {
      const parts = [
        ...(atom.type === undefined ? [] : [`its type is ${setWords(tree, atom.type)}`]),
        ...(atom.name === undefined ? [] : [`its name is ${setWords(tree, atom.name)}`]),
        ...(atom.extension === undefined
          ? []
          : [`its extension is ${setWords(tree, atom.extension)}`]),
        ...(atom.encrypted === undefined ? [] : [`it is ${atom.encrypted ? "" : "not "}encrypted`]),
        ...(atom.macro === undefined ? [] : [`it has ${atom.macro ? "" : "no "}macros`]),
      ];
      return `there is ${not ? "no" : "an"} attachment of which ${parts.join(" and ")}`;
    }
  }
}

/** An attribute in words. */
export function attributeWords(attribute: string): string {
  const { name, parameter } = attributeRow(attribute);
  if (name === "header") return `header ${parameter}`;
  if (name === "time") return `the time in ${parameter}`;
  return WORDS[name];
}

function isSeveral(name: AttributeName): boolean {
  return WORDS[name].startsWith("a");
}

function setWords(tree: DecisionTree, atom: number): string {
  const sets = treeSets(tree);
  const label = sets.label(atom);
  if (label !== undefined) return label;
  const keys = sets.keys(atom);
  const named = keys.slice(0, MAX_NAMED).map((key) => keyText(tree, atom, key));
  if (keys.length > MAX_NAMED) named.push(`${keys.length - MAX_NAMED} more`);
  for (const subset of sets.subsets(atom)) {
    named.push(setWords(tree, subset));
  }
  return named.length === 0 ? "in an empty list" : orWords(named);
}

/** A key as it stands in a document. */
export function keyText(tree: DecisionTree, atom: number, { place, key }: AtomKey): string {
  const attribute = tree.atoms[atom];
  const { row } = attributeRow(tree.attributes[typeof attribute === "number" ? attribute : 0]!);
  if (row.kind !== "address") return place === "suffixes" ? `*${key}` : key;
  if (place === "suffixes") return `@*${key}`;
  return place === "domains" ? `@${key}` : key === "" ? "<>" : key;
}

function orWords(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} or ${items.at(-1)}`;
}

function rangeWords(atom: NumberAtom, name: AttributeName): string[] {
  const number = (value: number) =>
    name === "size"
      ? sizeWords(value)
      : name === "signaturesAge"
      ? timeWords(value)
      : name === "time"
      ? weekWords(value)
      : String(value);
  return atom.ranges.map(([from, below]) => {
    const low = from === -NO_LIMIT
      ? undefined
      : isUp(from)
      ? `over ${number(down(from))}`
      : `at least ${number(from)}`;
    const high = below === NO_LIMIT
      ? undefined
      : isUp(below)
      ? `at most ${number(down(below))}`
      : `under ${number(below)}`;
    if (name === "time") return `${number(from)} to ${number(below)}`;
    return [low, high].filter((part) => part !== undefined).join(" and ") || "anything";
  });
}

/** True where the number is the least above a shorter one. */
function isUp(value: number): boolean {
  return String(down(value)).length < String(value).length && nextUp(down(value)) === value;
}

function down(value: number): number {
  return -nextUp(-value);
}

/** Octets as a document writes them, exactly. */
export function sizeWords(octets: number): string {
  for (
    const [unit, factor] of [["TB", 1024 ** 4], ["GB", 1024 ** 3], ["MB", 1024 ** 2], [
      "KB",
      1024,
    ]] as const
  ) {
    if (octets !== 0 && octets % factor === 0) return `${octets / factor}${unit}`;
  }
  return `${octets}B`;
}

/** Milliseconds as a document writes them, exactly. */
export function timeWords(ms: number): string {
  for (
    const [unit, factor] of [
      ["w", 604_800_000],
      ["d", 86_400_000],
      ["h", 3_600_000],
      ["m", 60_000],
      ["s", 1000],
    ] as const
  ) {
    if (ms !== 0 && ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}

function weekWords(minute: number): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${WEEKDAYS[Math.floor(minute / 1440) % 7]} ${two(Math.floor(minute / 60) % 24)}:${
    two(minute % 60)
  }`;
}

/** A setting's value as a document writes it. */
export function valueWords(slot: number, value: SlotValue | undefined): string {
  if (value === undefined) return "none";
  const { name } = SLOTS[slot]!;
  if (typeof value === "number") {
    if (name === "limits.scanTime" || /^greylist\.(?:delay|window|keep)$/.test(name)) {
      return timeWords(value);
    }
    if (name === "limits.messageSize" || name === "limits.archiveSize") return sizeWords(value);
    return String(value);
  }
  if (typeof value !== "string") return value.length === 0 ? "never" : value.join(", ");
  return value === "" ? "none" : value;
}
