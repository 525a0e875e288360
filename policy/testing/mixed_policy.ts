/** Large policies of mixed rules and mail for them, the same for the same number: for measurements. */
import type { Facts } from "../types.ts";
import { MAIL } from "./mail.ts";

/** Numbers that look random (mulberry32) and are the same in each run. */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const WORDS =
  "mail post relay smtp out mx edge node shop info news promo offer bank cloud host data web net team"
    .split(" ");

/** Tools that draw from one source. */
function drawer(seed: number) {
  const next = random(seed);
  const integer = (below: number) => Math.floor(next() * below);
  const pick = <T>(items: readonly T[]): T => items[integer(items.length)]!;
  const word = () => pick(WORDS) + integer(10_000);
  const domain = () => `${word()}.${pick(["example", "test", "example.org", "example.net"])}`;
  const address = () => `${word()}@${domain()}`;
  const ipv4 = () => `${1 + integer(223)}.${integer(256)}.${integer(256)}`;
  return { next, integer, pick, word, domain, address, ipv4 };
}

/**
 * A policy of so many rules that ask addresses, domains, networks, globs, ranges, and several of these at once; the first ten are
 * of as many kinds as the rest, so that all sizes ask the same of a mail; besides a list of as many addresses as there are rules, and groups.
 */
export function mixedPolicy(rules: number, seed = 1): unknown {
  const { integer, pick, word, domain, address, ipv4 } = drawer(seed);
  const thens = [
    { action: "reject", reply: "550 5.7.1 refused by policy" },
    { action: "quarantine" },
    { antispam: { threshold: 4 } },
    { antispam: { action: "accept" } },
    { limits: { scanTime: "10s" } },
    { marks: { subject: "always" } },
  ];
  const whens = [
    () => ({ sender: address() }),
    () => ({ client: `${ipv4()}.0/24` }),
    () => ({ spamScore: { atLeast: 8 + integer(1000) / 100 }, recipient: `@${domain()}` }),
    () => ({ clientName: `*.${domain()}` }),
    () => ({ size: { over: `${20_000_000 + integer(20_000_000)}B` } }),
    () => ({ any: [{ sender: address() }, { subject: `*${word()}*` }], not: { spf: "pass" } }),
    () => ({ attachment: { name: `${word()}*.${pick(["exe", "scr", "zip"])}` } }),
    () => ({ sender: `@*.${domain()}`, direction: "inbound" }),
    () => ({ recipient: [address(), address()] }),
    () => ({ sender: `@${domain()}` }),
    () => ({
      client: pick([`2001:db8:${integer(65536).toString(16)}::/48`, `${ipv4()}.${integer(256)}`]),
    }),
    () => ({
      client: `${ipv4()}.0/24`,
      not: { sender: { list: "partners" } },
      size: { over: `${integer(1000)}KB` },
    }),
  ];
  return {
    lists: {
      partners: { senders: Array.from({ length: Math.max(1, rules) }, address) },
      blocked: { clients: Array.from({ length: Math.max(1, rules >> 2) }, () => `${ipv4()}.0/24`) },
    },
    rules: [
      {
        name: "partners",
        when: { sender: { list: "partners" } },
        then: { antispam: { threshold: 9 } },
      },
      ...Array.from({ length: Math.max(0, rules - 2) }, (_, index) => ({
        name: `rule ${index}`,
        when: whens[index % whens.length]!(),
        then: pick(thens),
      })),
      { name: "blocked", when: { client: { list: "blocked" } }, then: { action: "reject" } },
    ],
    groups: {
      staff: { recipients: ["@example.org"], settings: { antispam: { threshold: 5 } } },
      boss: {
        parent: "staff",
        recipients: ["boss@example.org"],
        settings: { antispam: { spam: "reject" } },
      },
    },
  };
}

/** Clean mail that most rules have nothing to do with, as most mail is. */
export function mixedMail(count: number, seed = 2): Facts[] {
  const draw = drawer(seed);
  return Array.from({ length: count }, () => drawnMail(draw, {}));
}

/** One mail; all have the same properties in the same order, as those of an agent have. */
function drawnMail(
  { integer, domain, address, ipv4, word, pick }: ReturnType<typeof drawer>,
  named: Partial<Facts>,
): Facts {
  return {
    ...MAIL,
    client: named.client ?? `${ipv4()}.${integer(256)}`,
    clientName: named.clientName ?? `${word()}.${domain()}`,
    helo: domain(),
    sender: named.sender ?? address(),
    recipient: named.recipient ?? pick([`${word()}@example.org`, "boss@example.org", address()]),
    size: named.size ?? 1000 + integer(10_000_000),
    subject: named.subject ?? `${word()} and ${word()} for the ${word()}`,
    attachments: [
      { names: [], type: "text", encrypted: false, macro: false },
      {
        names: named.attachments?.[0]?.names ?? [`${word()}.pdf`],
        type: "pdf",
        encrypted: false,
        macro: false,
      },
    ],
    spamScore: named.spamScore ?? integer(50) / 10,
    spf: pick(["pass", "none", "fail"]),
  };
}

/** Parts of a {@link mixedPolicy} that {@link namedMail} reads. */
interface MixedDocument {
  readonly lists: {
    readonly partners: { readonly senders: readonly string[] };
    readonly blocked: { readonly clients: readonly string[] };
  };
  readonly rules: readonly { readonly when: Readonly<Record<string, unknown>> }[];
}

/** Mail that {@link mixedPolicy} names: each meets what some rule asks first, drawn from all rules and from all of both lists. */
export function namedMail(policy: unknown, count: number, seed = 3): Facts[] {
  const { lists, rules } = policy as MixedDocument;
  const draw = drawer(seed);
  const { integer, pick, word } = draw;
  const filled = (pattern: string) => pattern.replace(/[*]/g, word);
  const address = (pattern: string) => pattern.startsWith("@") ? word() + filled(pattern) : pattern;
  const client = (network: string) =>
    network.replace(/0\/24$/, () => String(integer(256))).replace(/::\/48$/, "::1");
  const named = (when: Readonly<Record<string, unknown>>): Partial<Facts> => {
    const { sender, recipient, clientName, attachment, any } = when;
    if (Array.isArray(any)) return named(pick(any));
    if (typeof sender === "object") return { sender: pick(lists.partners.senders) };
    if (typeof when.client === "object") return { client: client(pick(lists.blocked.clients)) };
    return {
      ...(typeof sender === "string" ? { sender: address(sender) } : {}),
      ...(typeof when.client === "string" ? { client: client(when.client) } : {}),
      ...(recipient === undefined
        ? {}
        : { recipient: address(pick([recipient].flat() as string[])) }),
      ...(typeof clientName === "string" ? { clientName: filled(clientName) } : {}),
      ...(typeof when.subject === "string" ? { subject: filled(when.subject) } : {}),
      ...(attachment === undefined ? {} : {
        attachments: [{
          names: [filled((attachment as { name: string }).name)],
          type: "zip",
          encrypted: false,
          macro: false,
        }],
      }),
      ...(when.size === undefined ? {} : { size: 40_000_000 }),
      ...(when.spamScore === undefined ? {} : { spamScore: 20 }),
    };
  };
  return Array.from({ length: count }, (_, index) => {
    // The first and the last rule ask the lists, which are as long as all rules together.
    const { when } = index % 4 === 0 ? pick([rules[0]!, rules.at(-1)!]) : pick(rules);
    return drawnMail(draw, named(when));
  });
}
