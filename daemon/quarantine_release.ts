/** Sends quarantined messages on, as they came; each step is noted before the next one is taken. */
import { PosternError } from "../errors.ts";
import type { LogLevel } from "../agents/ports.ts";
import type { QuarantineEntry, Store } from "../store/types.ts";
import { leadsBack } from "./leads_back.ts";

/** Where each step is said besides the entry's history. */
export type QuarantineLog = (
  level: LogLevel,
  message: string,
  fields: Readonly<Record<string, string | number | boolean>>,
) => void;

/** Received fields with which a message is taken to be in a loop: RFC 5321, section 6.3 wants 100 at least. */
const MOST_HOPS = 100;
/** Octets looked at for Received fields. */
const HOPS_OCTETS = 262_144;
function missing(id: string): PosternError {
  const shown = JSON.stringify(id.slice(0, 40));
  return new PosternError("store/not-found", `There is no quarantined message ${shown}`);
}

/** The entry. @throws {PosternError} `store/not-found`, `store/corrupt`. */
export async function quarantineEntry(store: Store, id: string): Promise<QuarantineEntry> {
  const entry = await store.getQuarantine(id);
  if (!entry) throw missing(id);
  return entry;
}

/**
 * Sends one message; an answer for each recipient. Rejects where nobody's answer is known, with `quarantine/unknown` where somebody
 * may have got it.
 */
export type Deliver = (request: {
  /** As the configuration writes it: `smtp://HOST:PORT`, `maildir:PATH`, ... */
  readonly nextHop: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly message: Uint8Array;
  readonly entry: QuarantineEntry;
}) => Promise<
  readonly { readonly recipient: string; readonly accepted: boolean; readonly reply: string }[]
>;

/** How a message is released. */
export interface ReleaseOptions {
  /** Some of the original recipients; default all of them. */
  readonly recipients?: readonly string[];
  /** Recipients that are not among the original ones are meant. */
  readonly otherRecipients?: boolean;
  /** Where to instead of the entry's next hop. */
  readonly nextHop?: string;
  /** Addresses of this node's own listeners: a release there would be scanned and kept again. */
  readonly ownAddresses?: readonly string[];
  /** Once more to who had it already, or where a try broke off. */
  readonly force?: boolean;
  readonly deliver: Deliver;
  readonly log?: QuarantineLog;
  /** ms since 1970; for tests. */
  readonly now?: () => number;
}

/** What came of a release. */
export interface Release {
  readonly nextHop: string;
  readonly released: readonly { readonly recipient: string; readonly reply: string }[];
  readonly failed: readonly { readonly recipient: string; readonly reply: string }[];
}

/** Releases under way, by store: two at once would both send. */
const releasing = new WeakMap<Store, Set<string>>();

/**
 * Sends a message to its original recipients, or some of them, as it came: sender and octets are not touched. The message stays in
 * quarantine. What is begun is noted before it is done, so that a crash in between is seen.
 *
 * @returns Who got it and who did not; it does not throw for recipients that were refused.
 * @throws {PosternError} `store/not-found`, `store/corrupt`; `quarantine/released` where a recipient has it already and force is
 * not given; `quarantine/recipients`, `quarantine/loop`, `quarantine/busy`, `quarantine/next-hop`; `quarantine/unknown` where it broke
 * off and somebody may have got it; `smtp/…` of the delivery.
 */
export async function releaseQuarantined(
  store: Store,
  id: string,
  options: ReleaseOptions,
): Promise<Release> {
  const busy = releasing.get(store) ?? new Set();
  releasing.set(store, busy);
  if (busy.has(id)) {
    throw new PosternError("quarantine/busy", `${id} is being released at this moment`);
  }
  busy.add(id);
  try {
    return await release(store, await quarantineEntry(store, id), options);
  } finally {
    busy.delete(id);
  }
}

async function release(
  store: Store,
  entry: QuarantineEntry,
  options: ReleaseOptions,
): Promise<Release> {
  const { id } = entry;
  const now = options.now ?? Date.now;
  const nextHop = options.nextHop ?? entry.nextHop;
  if (nextHop === "") {
    throw new PosternError(
      "quarantine/next-hop",
      `Nothing says where ${id} is to go: name a next hop, or set quarantine.release or the agent's nextHop`,
    );
  }
  const recipients = chosenRecipients(entry, options);
  if (!options.force) refuseSecond(entry, recipients);
  if (await leadsBack(nextHop, options.ownAddresses ?? [])) {
    throw new PosternError(
      "quarantine/loop",
      `${id} would be released to ${nextHop}, which is this gateway itself: it would be kept again`,
    );
  }
  const message = await store.readQuarantined(id);
  if (hops(message) > MOST_HOPS) {
    throw new PosternError("quarantine/loop", `${id} has passed over ${MOST_HOPS} servers: a loop`);
  }
  const say = (level: LogLevel, what: string, reply: string, whom: readonly string[]) =>
    options.log?.(level, what, {
      quarantine: id,
      queue: entry.queueId,
      next_hop: nextHop,
      to: whom.join(","),
      reply,
    });
  const note = (
    what: QuarantineEntry["history"][number]["what"],
    reply: string,
    whom: readonly string[],
  ) =>
    store.noteQuarantine(id, {
      time: now(),
      what,
      detail: `${nextHop}: ${reply}`,
      recipients: whom,
    });

  await note("release-started", "begun", recipients);
  say("info", "Release begun", "", recipients);
  let answers: Awaited<ReturnType<Deliver>>;
  try {
    const { sender } = entry;
    answers = await options.deliver({ nextHop, sender, recipients, message, entry });
  } catch (error) {
    const reply = error instanceof Error ? error.message : String(error);
    if (error instanceof PosternError && error.code === "quarantine/unknown") {
      say("warning", "Release broke off", reply, recipients);
      await note("release-started", reply, recipients); // and not ended: see refuseSecond()
    } else {
      say("warning", "Release failed", reply, recipients);
      await note("release-failed", reply, recipients);
    }
    throw error;
  }
  const released = answers.filter(({ accepted }) => accepted);
  const failed = answers.filter(({ accepted }) => !accepted);
  for (
    const [what, level, text, group] of [
      ["released", "info", "Released", released],
      ["release-failed", "warning", "Release failed", failed],
    ] as const
  ) {
    for (const [reply, whom] of byReply(group)) {
      say(level, text, reply, whom);
      await note(what, reply, whom);
    }
  }
  const plain = (group: typeof answers) =>
    group.map(({ recipient, reply }) => ({ recipient, reply }));
  return { nextHop, released: plain(released), failed: plain(failed) };
}

function chosenRecipients(entry: QuarantineEntry, options: ReleaseOptions): readonly string[] {
  const chosen = [...new Set(options.recipients ?? entry.recipients)];
  if (chosen.length === 0) {
    throw new PosternError("quarantine/recipients", `There is nobody to release ${entry.id} to`);
  }
  const foreign = chosen.filter((recipient) => !entry.recipients.includes(recipient));
  if (foreign.length > 0 && !options.otherRecipients) {
    throw new PosternError(
      "quarantine/recipients",
      `${entry.id} was not for ${foreign.slice(0, 5).join(", ")}`,
    );
  }
  return chosen;
}

/** Nobody gets a message twice by mistake: not who got it, and not who may have got it when a try broke off. */
function refuseSecond(entry: QuarantineEntry, recipients: readonly string[]): void {
  const done = new Map<string, string>();
  for (const { what, time, recipients: whom } of entry.history) {
    const at = new Date(time).toISOString();
    for (const recipient of whom ?? []) {
      if (what === "release-started" && !done.get(recipient)?.startsWith("was released")) {
        done.set(recipient, `may have got it: a release was begun ${at} and its end is not known`);
      } else if (what === "released") done.set(recipient, `was released to already, ${at}`);
      else if (what === "release-failed" && !done.get(recipient)?.startsWith("was released")) {
        done.delete(recipient);
      }
    }
  }
  const twice = recipients.find((recipient) => done.has(recipient));
  if (twice === undefined) return;
  throw new PosternError(
    "quarantine/released",
    `${entry.id}: ${twice} ${done.get(twice)}; force sends it once more`,
  );
}

function byReply(
  answers: readonly { recipient: string; reply: string }[],
): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { recipient, reply } of answers) {
    const group = groups.get(reply);
    if (group) group.push(recipient);
    else groups.set(reply, [recipient]);
  }
  return groups;
}

/** Received fields in the header. */
function hops(message: Uint8Array): number {
  const text = new TextDecoder("latin1").decode(message.subarray(0, HOPS_OCTETS));
  const end = text.search(/\n\r?\n/);
  const header = end < 0 ? text : text.slice(0, end);
  return header.match(/^received:/gim)?.length ?? 0;
}
