/** How a quarantined message leaves again: by the one relay client, or into a Maildir. */
import { PosternError } from "../errors.ts";
import { deliverMaildir } from "../agents/maildir.ts";
import { parseNextHop } from "../agents/smtp/next_hop.ts";
import { normaliseLineEnds } from "../agents/line_ends.ts";
import {
  type HopReply,
  isSuccess,
  RelayPool,
  RelayTransaction,
} from "../agents/smtp/relay_client.ts";
import type { Config, SmtpAgentConfig } from "../policy/config.ts";
import { parseTime } from "../policy/units.ts";
import type { AgentSettings } from "./agent_settings.ts";
import type { Deliver, ReleaseOptions } from "./quarantine_release.ts";

/** Longest wait for a reply of the next hop where no agent says, ms. */
const NEXT_HOP_MS = 300_000;

/** What a release needs to know of the agent that took the message. */
export interface ReleaseRoute {
  readonly hostname: string;
  /** The agent of the configuration that has this next hop, for its TLS settings. */
  readonly agent?: SmtpAgentConfig;
  readonly caPem?: string;
}

/**
 * How mail is released by this configuration.
 *
 * @param addresses Where the agents listen: a release to one of them would come back.
 */
export function releaseOptions(
  config: Config,
  agents: readonly AgentSettings[],
  addresses: readonly string[],
): Pick<ReleaseOptions, "deliver" | "ownAddresses"> & { readonly nextHop?: string } {
  return {
    deliver: deliverReleased((nextHop) => {
      const agent = agents.map((each) => each.config).filter((each) => each.agent === "smtp")
        .find((each) => each.nextHop === nextHop);
      const hostname = agent?.hostname ?? config.hostname ?? Deno.hostname();
      return Promise.resolve({
        hostname,
        ...(agent ? { agent } : {}),
        ...(agent?.nextHopCaPem === undefined ? {} : { caPem: agent.nextHopCaPem }),
      });
    }),
    ownAddresses: addresses,
    ...(config.quarantine.release === undefined ? {} : { nextHop: config.quarantine.release }),
  };
}

/** @param routeOf Finds the settings for a next hop. */
export function deliverReleased(routeOf: (nextHop: string) => Promise<ReleaseRoute>): Deliver {
  return async ({ nextHop, sender, recipients, message }) => {
    const hop = parseNextHop(nextHop);
    if (hop.kind === "maildir") {
      const name = await deliverMaildir(hop.path, { sender, recipients }, [message]);
      return recipients.map((recipient) => ({
        recipient,
        accepted: true,
        reply: `250 2.0.0 delivered to ${name}`,
      }));
    }
    const route = await routeOf(nextHop);
    const pool = new RelayPool({
      hop,
      hostname: route.hostname,
      tls: hop.kind === "lmtp-unix" ? "none" : route.agent?.nextHopTls ?? "may",
      ...(route.caPem === undefined ? {} : { caPem: route.caPem }),
      timeMs: parseTime(route.agent?.limits.nextHopTime ?? "") ?? NEXT_HOP_MS,
    }, 0);
    try {
      return await relay(pool, sender, recipients, message, hop.kind !== "smtp");
    } finally {
      pool.close();
    }
  };
}

async function relay(
  pool: RelayPool,
  sender: string,
  recipients: readonly string[],
  message: Uint8Array,
  lmtp: boolean,
) {
  const utf8 = (address: string) => /\P{ASCII}/u.test(address);
  const octets = normaliseLineEnds(message);
  const transaction = new RelayTransaction(pool, {
    address: sender,
    utf8: utf8(sender),
    parameters: {
      size: octets.length,
      utf8: [sender, ...recipients].some(utf8),
      ...(octets.some((octet) => octet > 127) ? { body: "8BITMIME" as const } : {}),
    },
  });
  const offered = await transaction.recipients(
    recipients.map((address) => ({ address, utf8: utf8(address) })),
  );
  const accepted = recipients.filter((_, i) => isSuccess(offered[i] ?? NO_REPLY));
  if (accepted.length === 0) transaction.abort();
  const sent = accepted.length === 0 ? [] : await send(transaction, octets);
  return recipients.map((recipient, i) => {
    const at = accepted.indexOf(recipient);
    const reply = (at < 0 ? offered[i] : sent[lmtp ? at : 0]) ?? NO_REPLY;
    return { recipient, accepted: at >= 0 && isSuccess(reply), reply: replyText(reply) };
  });
}

/** @throws {PosternError} `quarantine/unknown` where it broke off when the next hop may have had all of it. */
async function send(transaction: RelayTransaction, octets: Uint8Array): Promise<HopReply[]> {
  try {
    return await transaction.send([octets]);
  } catch (cause) {
    if (!transaction.sent) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PosternError(
      "quarantine/unknown",
      `It is not known whether the next hop took the message: ${why}`,
      { cause },
    );
  }
}

const NO_REPLY: HopReply = { code: 451, lines: ["4.4.0 no reply"] };

function replyText({ code, lines }: HopReply): string {
  return `${code} ${lines.join(" ")}`;
}
