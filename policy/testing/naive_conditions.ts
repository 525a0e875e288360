/** The reference's conditions: each attribute asked of the facts, pattern by pattern. */
import { attachmentTypesOf } from "../attachment_types.ts";
import { extensionOf, trimName } from "../attributes.ts";
import { LIST_PARTS, type ListAttribute } from "../check_policy.ts";
import { normalAddress, normalDomain } from "../compile/keys.ts";
import { parseNetwork } from "../network.ts";
import type { Condition, Policy } from "../schema.ts";
import type { AttachmentFact, Facts, Phase } from "../types.ts";
import { parseSize, parseTime } from "../units.ts";

/** Truth: 0 false, 1 unknown, 2 true. */
export type Truth = 0 | 1 | 2;
/** When each attribute is known. */
export const PHASE_OF: Readonly<Record<Exclude<keyof Condition, "not" | "any" | "all">, Phase>> = {
  agent: "connect",
  listener: "connect",
  client: "connect",
  clientName: "connect",
  time: "connect",
  helo: "sender",
  tls: "sender",
  user: "sender",
  sender: "sender",
  spf: "sender",
  recipient: "recipient",
  direction: "recipient",
  header: "header",
  subject: "header",
  size: "content",
  attachment: "content",
  ambiguous: "content",
  dkim: "content",
  dmarc: "content",
  language: "content",
  infected: "verdict",
  finding: "verdict",
  notScanned: "verdict",
  engineFailed: "verdict",
  status: "verdict",
  spamScore: "verdict",
  spamSymptom: "verdict",
  signaturesAge: "verdict",
};

/** An item of a set as a document has it. */
export type Item = string | { readonly list: string } | { readonly group: string } | {
  readonly present: boolean;
};

function truth(value: boolean): Truth {
  return value ? 2 : 0;
}

/** Whether one attribute's value holds; unknown where the fact is not there. */
export function holds(
  policy: Policy,
  attribute: keyof typeof PHASE_OF,
  value: unknown,
  facts: Facts,
): Truth {
  const items = [value].flat();
  switch (attribute) {
    case "agent":
    case "direction":
    case "status":
    case "spf":
    case "dkim":
    case "dmarc": {
      const fact = facts[attribute];
      return fact === undefined ? 1 : truth(items.includes(fact));
    }
    case "tls":
      return facts.tls === undefined ? 1 : truth(facts.tls === value);
    case "listener":
      return truth(
        items.some((item) => (item as string).toLowerCase() === facts.listener.toLowerCase()),
      );
    case "size":
    case "spamScore":
    case "signaturesAge": {
      const fact = facts[attribute];
      const parse = (text: unknown): number | undefined =>
        typeof text !== "string"
          ? text as number | undefined
          : attribute === "size"
          ? parseSize(text)
          : parseTime(text);
      if (fact === undefined) return 1;
      return truth((items as Record<string, unknown>[]).some((range) => {
        const over = parse(range.over), atLeast = parse(range.atLeast);
        const under = parse(range.under), atMost = parse(range.atMost);
        return (over === undefined || fact > over) && (atLeast === undefined || fact >= atLeast) &&
          (under === undefined || fact < under) && (atMost === undefined || fact <= atMost);
      }));
    }
    case "time":
      return truth(
        (items as { days?: string | string[]; hours?: string | string[]; zone: string }[]).some((
          one,
        ) => inTime(one, facts.time)),
      );
    case "sender":
    case "recipient": {
      const fact = facts[attribute];
      return fact === undefined ? 1 : truth(
        patterns(policy, items as Item[], attribute).some((pattern) =>
          addressRank(pattern, fact) > 0
        ),
      );
    }
    case "client": {
      const fact = facts.client;
      if (fact === undefined) return 1;
      return truth(
        (items as Item[]).some((item) => isPresent(item, fact !== null)) ||
          fact !== null &&
            patterns(policy, items as Item[], "client").some((pattern) => inNetwork(pattern, fact)),
      );
    }
    case "clientName":
    case "helo":
    case "user":
    case "subject":
    case "language": {
      const fact = facts[attribute];
      if (fact === undefined) return 1;
      return truth(textHolds(policy, items as Item[], attribute, fact === null ? [] : [fact]));
    }
    case "infected":
      return facts.status === undefined ? 1 : truth((facts.status === "infected") === value);
    case "finding":
    case "spamSymptom":
    case "notScanned":
    case "engineFailed":
    case "ambiguous": {
      const fact = {
        finding: facts.findings,
        spamSymptom: facts.spamSymptoms,
        notScanned: facts.notScanned,
        ambiguous: facts.ambiguities,
        engineFailed: facts.enginesFailed,
      }[attribute];
      if (fact === undefined) return 1;
      if (typeof value === "boolean") return truth((fact.length > 0) === value);
      return truth(textHolds(policy, items as Item[], attribute, fact));
    }
    case "header":
      if (facts.headers === undefined) return 1;
      return truth(
        (items as { name: string; value?: string | string[]; present?: boolean }[]).some((one) => {
          const values = facts.headers!.filter((field) =>
            field.name.toLowerCase() === one.name.toLowerCase()
          )
            .map((field) => field.value);
          if (one.value === undefined) return (values.length > 0) === (one.present ?? true);
          return values.some((text) => [one.value!].flat().some((glob) => isGlobMatch(glob, text)));
        }),
      );
    case "attachment":
      if (facts.attachments === undefined) return 1;
      return truth(
        items.some((one) =>
          facts.attachments!.some((part) =>
            isAttachment(policy, one as Parameters<typeof isAttachment>[1], part)
          )
        ),
      );
  }
}

function isPresent(item: Item, there: boolean): boolean {
  return typeof item === "object" && "present" in item && item.present === there;
}

function textHolds(
  policy: Policy,
  items: readonly Item[],
  attribute: string,
  texts: readonly string[],
): boolean {
  return items.some((item) => isPresent(item, texts.length > 0)) ||
    texts.some((text) =>
      patterns(policy, items, attribute).some((pattern) => isGlobMatch(pattern, text))
    );
}

function isAttachment(
  policy: Policy,
  one: {
    name?: Item | Item[];
    type?: string | string[];
    extension?: Item | Item[];
    encrypted?: boolean;
    macro?: boolean;
  },
  part: AttachmentFact,
): boolean {
  const names = part.names.flatMap((name) => [name, trimName(name)]);
  return (one.encrypted === undefined || one.encrypted === part.encrypted) &&
    (one.macro === undefined || one.macro === part.macro) &&
    (one.type === undefined ||
      [one.type].flat().some((type) => attachmentTypesOf(type as "zip").includes(part.type))) &&
    (one.name === undefined ||
      patterns(policy, [one.name].flat(), "attachment.name").some((glob) =>
        names.some((name) => isGlobMatch(glob, name))
      )) &&
    (one.extension === undefined ||
      patterns(policy, [one.extension].flat(), "attachment.extension").some((extension) =>
        part.names.some((name) => extensionOf(name).toLowerCase() === extension.toLowerCase())
      ));
}

/** Every pattern that items stand for, lists and groups written out. */
export function patterns(policy: Policy, items: readonly Item[], attribute: string): string[] {
  return items.flatMap((item) => {
    if (typeof item === "string") return [item];
    if ("list" in item) {
      return [
        ...policy.lists[item.list]?.[LIST_PARTS[attribute as ListAttribute]] ?? [],
      ] as string[];
    }
    if ("group" in item) {
      return Object.keys(policy.groups).filter((name) => isBelow(policy, name, item.group)).flatMap(
        (name) => patterns(policy, [policy.groups[name]!.recipients ?? []].flat(), "recipient"),
      );
    }
    return [];
  });
}

function isBelow(policy: Policy, name: string, above: string): boolean {
  for (let up: string | undefined = name; up !== undefined; up = policy.groups[up]?.parent) {
    if (up === above) return true;
  }
  return false;
}

/** 0: no match; the more exact, the higher. */
export function addressRank(pattern: string, address: string): number {
  const normal = normalAddress(address);
  if (pattern === "<>") return normal === "" ? 3000 : 0;
  const at = normal.lastIndexOf("@");
  if (pattern.startsWith("@*.")) {
    const suffix = `.${normalDomain(pattern.slice(3))}`;
    return at >= 0 && normal.slice(at + 1).endsWith(suffix) ? suffix.length : 0;
  }
  if (pattern.startsWith("@")) {
    return at >= 0 && normal.slice(at + 1) === normalDomain(pattern.slice(1)) ? 2000 : 0;
  }
  return normal === normalAddress(pattern) ? 3000 : 0;
}

function inNetwork(pattern: string, client: string): boolean {
  const network = parseNetwork(pattern);
  const address = parseNetwork(client);
  if (!network || !address || network.family !== address.family) return false;
  const bits = (words: readonly number[]) =>
    words.map((word) => word.toString(2).padStart(32, "0")).join("");
  return bits(network.words).slice(0, network.bits) === bits(address.words).slice(0, network.bits);
}

const regexes = new Map<string, RegExp>();

function isGlobMatch(glob: string, text: string): boolean {
  let regex = regexes.get(glob);
  if (!regex) regexes.set(glob, regex = globRegex(glob));
  return regex.test(text.toLowerCase());
}

function globRegex(glob: string): RegExp {
  const source = glob.toLowerCase().replace(/[\\^$.|+()[\]{}/]/g, "\\$&").replace(/\*+/g, "[^]*")
    .replace(/\?/g, "[^]");
  return new RegExp(`^${source}$`);
}

const formats = new Map<string, Intl.DateTimeFormat>();
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

function inTime(
  { days, hours, zone }: { days?: string | string[]; hours?: string | string[]; zone: string },
  time: number,
): boolean {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    formats.set(zone, format);
  }
  const text = format.format(time);
  const match = /^(\w{3})\D+(\d\d):(\d\d)$/.exec(text);
  if (!match) throw new Error(`cannot read ${text}`);
  const day = DAYS.indexOf(match[1]!.toLowerCase());
  const minute = Number(match[2]) * 60 + Number(match[3]);
  const wanted = days === undefined ? DAYS : [days].flat();
  const begins = wanted.includes(DAYS[day]!);
  const began = wanted.includes(DAYS[(day + 6) % 7]!);
  return [hours ?? "00:00-24:00"].flat().some((span) => {
    const [start, end] = span.split("-").map((one) =>
      Number(one.slice(0, 2)) * 60 + Number(one.slice(3))
    );
    if (end! > start!) return begins && minute >= start! && minute < end!;
    return begins && minute >= start! || began && minute < end!;
  });
}
