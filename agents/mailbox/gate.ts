/** The gate to a mailbox: one message that its owner asks for, from what the server holds to what the owner gets. */
import { decide } from "../../policy/decide.ts";
import { scanSettings } from "../../policy/scan_settings.ts";
import type { AgentName, Direction, ReportStatus } from "../../policy/types.ts";
import type { DecisionTree } from "../../policy/tree.ts";
import { join } from "../dot_stuffing.ts";
import type { AgentPorts } from "../ports.ts";
import { newQueueId } from "../queue_id.ts";
import { sanitise } from "../smtp/replies.ts";
import { type FactsSource, messageRecord, messageWay, recipientFacts } from "../way.ts";
import { KeptMemory } from "./kept_memory.ts";
import { MAX_TEXT } from "./limits.ts";
import { senderOf } from "./sender.ts";
import { withheldMessage } from "./withheld.ts";

/** Who asks, and by which gate: what stays the same from message to message of a session. */
export interface MailboxClient {
  readonly agent: AgentName;
  readonly listener: string;
  /** This node's name, for messages of our own. */
  readonly hostname: string;
  /** `""` where nothing is said. */
  readonly nextHop: string;
  readonly direction: Direction;
  /** Address of the client. */
  readonly client: string;
  readonly tls: boolean;
  /** Name that the client has logged in with. */
  readonly user: string;
  /** The user's address, as rules see it. */
  readonly recipient: string;
  /** `POP3`, `POP3S`, `IMAP`, ... */
  readonly protocol: string;
}

/** What the client gets. */
export type MailboxAnswer =
  /** A message: as it was, changed as the policy says, or a notice in its place. */
  | {
    readonly kind: "message";
    readonly message: Uint8Array;
    /** True where a notice stands for it. */
    readonly replaced: boolean;
    readonly status: ReportStatus;
    readonly queueId: string;
  }
  /** Nothing, for good (`withheld`) or until later; `text` is printable ASCII in one line. */
  | { readonly kind: "withheld" | "later"; readonly text: string; readonly queueId: string };

/** What is known of a client before any message. */
export function clientSource(
  client: Omit<MailboxClient, "user" | "recipient" | "protocol"> & { readonly user?: string },
  tree: DecisionTree,
  time: number = Date.now(),
): FactsSource {
  const { agent, listener, tls, direction, user } = client;
  return {
    agent,
    listener,
    time,
    tls,
    tree,
    direction,
    envelope: {
      ...(client.client === "" ? {} : { client: client.client }),
      ...(user === undefined ? {} : { user }),
    },
  };
}

/**
 * The gate of one agent. What an outcome means here:
 *
 * | action | the client gets |
 * | --- | --- |
 * | accept, redirect | the message, cleaned and marked as the policy says; nobody can be sent another's mail from here |
 * | reject, quarantine | a notice in its place: what lies in a mailbox cannot be refused any more |
 * | discard | nothing, for good |
 * | defer | nothing until later |
 */
export class MailboxGate {
  readonly #ports: AgentPorts;

  constructor(ports: AgentPorts) {
    this.#ports = new KeptMemory().over(ports);
  }

  /**
   * Scans one message, asks the policy, keeps what is to be kept, and makes what the client gets. The copy in quarantine is on
   * disk before it resolves.
   *
   * @param message As the server gave it, every line end CRLF.
   * @throws {PosternError} `scan/cancelled` when the signal was aborted, what the ports throw else.
   */
  async pass(
    client: MailboxClient,
    message: Uint8Array,
    signal?: AbortSignal,
  ): Promise<MailboxAnswer> {
    const started = performance.now();
    const ports = this.#ports;
    const tree = ports.policy();
    const { recipient, nextHop, protocol, hostname } = client;
    const base = clientSource(client, tree);
    const envelope = {
      ...base.envelope,
      protocol,
      sender: senderOf(message),
      recipients: [recipient],
    };
    const queueId = newQueueId(base.time);
    const request = {
      ...base,
      envelope,
      queueId,
      message,
      nextHop,
      splitting: "strictest",
      ...(signal ? { signal } : {}),
    } as const;
    const way = await messageWay(ports, request);
    const [group] = way.groups;
    if (!group) throw new TypeError("A message without a recipient came to the gate");
    const { outcome, quarantineId } = group;
    const status = outcome.status ?? "notScanned";
    let answer: MailboxAnswer;
    if (group.message) {
      const octets = join(group.message);
      answer = { kind: "message", message: octets, replaced: false, status, queueId };
    } else if (outcome.action === "defer" || outcome.action === "discard") {
      const later = outcome.action === "defer";
      const text = later ? textOf(outcome.reply, "Try again later") : "Message is withheld";
      answer = { kind: later ? "later" : "withheld", text, queueId };
    } else {
      const facts = recipientFacts(request, recipient);
      const settings = scanSettings([decide(tree, "recipient", facts)], tree, "mail");
      const { verdict } = way;
      const octets = await withheldMessage(ports, {
        message,
        outcome,
        recipient,
        hostname,
        ...(verdict ? { verdict } : {}),
        ...(settings ? { settings } : {}),
        ...(quarantineId === undefined ? {} : { quarantineId }),
        ...(signal ? { signal } : {}),
      });
      answer = { kind: "message", message: octets, replaced: true, status, queueId };
    }
    const end = answer.kind !== "message"
      ? { reply: answer.text }
      : answer.replaced
      ? { reply: "a notice in its place" }
      : {};
    const times = { total: performance.now() - started };
    ports.record(messageRecord(request, way, way.groups.map(() => end), times));
    return answer;
  }
}

/** The text of a policy's reply `451 4.7.1 text`, fit to be said in another protocol. */
export function textOf(reply: string | undefined, fallback: string): string {
  const text = sanitise((reply ?? "").replace(/^\d{3}[ -](?:\d\.\d{1,3}\.\d{1,3} )?/, ""));
  return text.slice(0, MAX_TEXT) || fallback;
}
