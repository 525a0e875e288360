/**
 * The reference: decides straight from the document, rule by rule, pattern by pattern. Tests hold the tree equal to it. It shares
 * with the tree the schema, the meaning of the handling order and the normal form of settings, and nothing of the way to a match.
 */
import { attachmentTypesOf } from "../attachment_types.ts";
import { extensionOf, trimName } from "../attributes.ts";
import { LIST_PARTS, type ListAttribute } from "../check_policy.ts";
import { normalAddress, normalDomain } from "../compile/keys.ts";
import { handle, handleEarly, outcomeOf, reportStatus } from "../decide/handle.ts";
import { DEFAULT_SETTINGS } from "../defaults.ts";
import { parseNetwork } from "../network.ts";
import type { Condition, Policy } from "../schema.ts";
import { type SlotValue, slotValues, withSlots } from "../slots.ts";
import {
  type AttachmentFact,
  type Facts,
  type Outcome,
  type Phase,
  PHASES,
  REPORT_STATUSES,
} from "../types.ts";
import { parseSize, parseTime } from "../units.ts";

/** Truth: 0 false, 1 unknown, 2 true. */
type Truth = 0 | 1 | 2;
/** The least and the most that may come out once later phases are known. */
type Span = readonly [least: Truth, most: Truth];

const PHASE_OF: Readonly<Record<Exclude<keyof Condition, "not" | "any" | "all">, Phase>> = {
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
  status: "verdict",
  spamScore: "verdict",
  spamSymptom: "verdict",
  signaturesAge: "verdict",
};

type Item = string | { readonly list: string } | { readonly group: string } | {
  readonly present: boolean;
};

/** The values of a `then` or of settings, worked out once. */
const valuesOf = cached((settings: object) => slotValues(settings));

function cached<T>(make: (key: object) => T): (key: object) => T {
  const made = new WeakMap<object, T>();
  return (key) => {
    let value = made.get(key);
    if (value === undefined) made.set(key, value = make(key));
    return value;
  };
}

const NO_SETTINGS = {};

/** Decides as decide() does, from the checked document. */
export function interpret(policy: Policy, phase: Phase, facts: Facts): Outcome {
  const at = PHASES.indexOf(phase);
  const verdict = phase === "verdict";
  const spans = policy.rules.map((rule): Span =>
    rule.when ? condition(policy, rule.when, at, facts) : [2, 2]
  );
  const winner = (sets: (rule: Policy["rules"][number]) => boolean) =>
    policy.rules.findIndex((rule, index) => spans[index]![0] === 2 && sets(rule));
  const group = at >= PHASES.indexOf("recipient") ? groupOf(policy, facts.recipient) : undefined;

  const values = new Map<number, SlotValue>();
  for (let up = group; up !== undefined; up = policy.groups[up]!.parent) {
    for (const [slot, value] of valuesOf(policy.groups[up]!.settings ?? NO_SETTINGS)) {
      if (!values.has(slot)) values.set(slot, value);
    }
  }
  const set = new Set<number>();
  policy.rules.forEach(({ then }, index) => {
    if (spans[index]![0] < 2) return;
    for (const [slot, value] of valuesOf(then)) {
      if (!set.has(slot)) values.set(slot, value);
      set.add(slot);
    }
  });
  const settings = withSlots(withSlots(DEFAULT_SETTINGS, valuesOf(policy.settings)), values);

  const known = (sets: (then: object) => boolean) => {
    const rule = winner(({ then }) => sets(then));
    const open = policy.rules.some((one, index) =>
      sets(one.then) && spans[index]![0] < 2 && spans[index]![1] === 2 && (rule < 0 || index < rule)
    );
    const groupOpen = rule < 0 && at < PHASES.indexOf("recipient") &&
      Object.values(policy.groups).some((one) => sets(one.settings ?? NO_SETTINGS));
    return !open && !groupOpen;
  };
  const actionKnown = known((then) => "action" in then && then.action !== undefined);
  const actionRule = winner(({ then }) => then.action !== undefined);
  const status = verdict ? REPORT_STATUSES[reportStatus(settings, facts)] : undefined;
  if (actionRule >= 0 && actionKnown) {
    const { name, then } = policy.rules[actionRule]!;
    const decided = {
      action: then.action!,
      by: `rule:${name ?? `rules[${actionRule}]`}`,
      cause: "rule" as const,
    };
    return outcomeOf(true, decided, settings, facts, status, {
      ...(then.reply === undefined ? {} : { reply: then.reply }),
      ...(then.redirect === undefined ? {} : { redirect: [then.redirect].flat() }),
    });
  }
  if (verdict) return outcomeOf(true, handle(settings, facts), settings, facts, status);
  const early = actionKnown
    ? handleEarly(
      settings,
      known((then) => valuesOf(then).has(1)),
      known((then) => valuesOf(then).has(2)),
    )
    : undefined;
  return early ? outcomeOf(true, early, settings, facts, undefined) : outcomeOf(
    false,
    { action: "accept", by: "pending", cause: undefined },
    settings,
    facts,
    undefined,
  );
}

function condition(policy: Policy, when: Condition, at: number, facts: Facts): Span {
  const spans: Span[] = [];
  for (const [name, value] of Object.entries(when)) {
    if (value === undefined) continue;
    if (name === "not") {
      const [least, most] = condition(policy, when.not!, at, facts);
      spans.push([2 - most as Truth, 2 - least as Truth]);
    } else if (name === "any") {
      spans.push(any(when.any!.map((one) => condition(policy, one, at, facts))));
    } else if (name === "all") {
      spans.push(all(when.all!.map((one) => condition(policy, one, at, facts))));
    } else {
      const attribute = name as keyof typeof PHASE_OF;
      const later = PHASES.indexOf(PHASE_OF[attribute]) > at;
      if (attribute === "infected" && typeof value !== "boolean") {
        // Two things at once: the status, and a name.
        spans.push(
          later ? [0, 2] : all([
            exact(holds(policy, "status", "infected", facts)),
            exact(holds(policy, "finding", value, facts)),
          ]),
        );
      } else spans.push(later ? [0, 2] : exact(holds(policy, attribute, value, facts)));
    }
  }
  return all(spans);
}

function all(spans: readonly Span[]): Span {
  return [
    Math.min(2, ...spans.map(([least]) => least)) as Truth,
    Math.min(2, ...spans.map(([, most]) => most)) as Truth,
  ];
}

function any(spans: readonly Span[]): Span {
  return [
    Math.max(0, ...spans.map(([least]) => least)) as Truth,
    Math.max(0, ...spans.map(([, most]) => most)) as Truth,
  ];
}

function exact(truth: Truth): Span {
  return [truth, truth];
}

function truth(value: boolean): Truth {
  return value ? 2 : 0;
}

/** Whether one attribute's value holds; unknown where the fact is not there. */
function holds(
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
    case "ambiguous": {
      const fact = {
        finding: facts.findings,
        spamSymptom: facts.spamSymptoms,
        notScanned: facts.notScanned,
        ambiguous: facts.ambiguities,
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
function patterns(policy: Policy, items: readonly Item[], attribute: string): string[] {
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

/** The group that names the recipient most exactly; of equals the first. */
function groupOf(policy: Policy, recipient: string | undefined): string | undefined {
  if (recipient === undefined) return undefined;
  let best: string | undefined;
  let bestRank = 0;
  for (const [name, group] of Object.entries(policy.groups)) {
    for (const pattern of patterns(policy, [group.recipients ?? []].flat(), "recipient")) {
      const rank = addressRank(pattern, recipient);
      if (rank > bestRank) {
        best = name;
        bestRank = rank;
      }
    }
  }
  return best;
}

/** 0: no match; the more exact, the higher. */
function addressRank(pattern: string, address: string): number {
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
