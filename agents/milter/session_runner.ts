import { Buffer } from "node:buffer";
import { refusesEarly } from "../../policy/early.ts";
import type { Envelope } from "../../policy/types.ts";
import type { DecisionTree } from "../../policy/tree.ts";
import { earlyWord, refuseEarly } from "../early_word.ts";
import { newQueueId } from "../queue_id.ts";
import { BufferPool } from "../buffer_pool.ts";
import { clientEnvelope } from "../client_envelope.ts";
import { describe } from "../describe.ts";
import { greylisted } from "../greylisting.ts";
import { NO_MEMORY, type Reply, TOO_LARGE } from "../smtp/replies.ts";
import type { WireStream } from "../stream.ts";
import { Reservation, type Runner } from "../session_books.ts";
import type { FactsSource } from "../way.ts";
import { TREATED_APART, treatment } from "../treatment.ts";
import type { AddressArgument } from "./arguments.ts";
import { conclude } from "./conclusion.ts";
import type { MilterContext, MilterSettings } from "./context.ts";
import {
  FIRST_PACKET_MS,
  IDLE_READ_OCTETS,
  MAX_COMMAND_PACKET_OCTETS,
  MAX_NEGOTIATION_OCTETS,
  MAX_PACKET_OCTETS,
  PACKET_MS,
  READ_OCTETS,
  RESERVE_STEP_OCTETS,
  WRITE_MS,
} from "./limits.ts";
import { PacketDecoder } from "./packet_decoder.ts";
import { PROGRESS, replyCode } from "./packets.ts";
import { ACTIONS, PROTOCOL } from "./protocol.ts";
import { MilterSession } from "./session.ts";
import { reportEnd } from "./session_report.ts";
import type { MilterClient, MilterStep, MilterTransaction } from "./session_types.ts";

const NOTHING = new Uint8Array(0);
/** For messages that are coming. */
const buffers = new BufferPool(READ_OCTETS, 16);

/** What belongs to the transaction that the session has open. */
interface Open {
  readonly queueId: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Kept to the transaction's end, whatever is reloaded meanwhile. */
  readonly tree: DecisionTree;
  readonly transaction: MilterTransaction;
  /** Recipients that share one outcome, and those that get none of it whatever the content is. */
  readonly together: AddressArgument[];
  readonly apart: AddressArgument[];
  /** What the first recipient's decision was. */
  first?: string;
}

/** Runs the conversation on one connection: the only place that reads and writes its socket. */
export class MilterRunner implements Runner {
  readonly #context: MilterContext;
  readonly #settings: MilterSettings;
  readonly #stream: WireStream;
  readonly #session: MilterSession;
  readonly #decoder = new PacketDecoder(MAX_NEGOTIATION_OCTETS);
  readonly #reserved: Reservation;
  #small: Uint8Array | undefined;
  #large: Uint8Array | undefined;
  #buffer: Uint8Array = NOTHING;
  /** A read has the buffer. */
  #reading = false;
  #input: Uint8Array = NOTHING;
  #output: Uint8Array[] = [];
  #open: Open | undefined;
  #outOfMemory = false;
  /** A read that was begun while a message was worked on, to see the MTA go away. */
  #ahead: Promise<number | null> | undefined;
  #waiting = false;
  /** When the last command was done with (performance.now). */
  #since = performance.now();
  /** When the packet and the message that are coming began, and octets of the message since. */
  #packetSince: number | undefined;
  #messageSince: number | undefined;
  #received = 0;

  constructor(context: MilterContext, stream: WireStream) {
    this.#context = context;
    this.#settings = context.settings;
    this.#stream = stream;
    this.#reserved = new Reservation(context.ports);
    this.#session = new MilterSession({
      maxMessageOctets: this.#settings.messageSize,
      maxRecipients: this.#settings.recipients,
      silent: () => silentCommands(context.ports.policy()),
    });
  }

  /** Runs until the MTA quits, breaks or idles away. Rejects only for faults of our own. */
  async run(): Promise<void> {
    try {
      while (true) {
        const step = await this.#next();
        if (!step || !await this.#do(step)) break;
        this.#since = performance.now();
      }
      await this.#flush();
    } catch (error) {
      reportEnd(this.#context.ports, {
        listener: this.#settings.listener,
        mta: this.#stream.remoteAddress || "unix socket",
        negotiated: this.#session.agreement !== undefined,
        busy: this.#session.busy,
        seen: this.#decoder.seen,
      }, error);
    } finally {
      this.#reserved.release();
      this.#stream.close();
      this.#giveBack();
    }
  }

  /** Ends a conversation that waits between messages; others end when their message is done. */
  shutDown(): void {
    if (this.#waiting && !this.#session.busy) this.#stream.close();
  }

  /** The step of the next packet; `undefined` at the end of the stream. */
  async #next(): Promise<MilterStep | undefined> {
    while (true) {
      if (this.#input.length > 0) {
        const { used, packet } = this.#decoder.take(this.#input);
        this.#input = this.#input.subarray(used);
        if (packet) {
          this.#packetSince = undefined;
          const step = this.#session.receive(packet);
          this.#decoder.maxOctets = this.#session.busy
            ? MAX_PACKET_OCTETS
            : this.#session.agreement
            ? MAX_COMMAND_PACKET_OCTETS
            : MAX_NEGOTIATION_OCTETS;
          return step;
        }
        continue;
      }
      if (this.#context.draining && !this.#session.busy) return undefined;
      await this.#flush();
      await this.#account();
      this.#moveDeadline();
      const read = this.#ahead ?? this.#read();
      this.#ahead = undefined;
      this.#waiting = true;
      const count = await read;
      this.#waiting = this.#reading = false;
      if (count === null) return undefined;
      this.#received += count;
      this.#input = this.#buffer.subarray(0, count);
    }
  }

  /** Between messages a small buffer does: most connections are idle then, and there may be many. */
  #read(): Promise<number | null> {
    if (this.#session.busy) this.#buffer = this.#large ??= buffers.take();
    else {
      this.#giveBack();
      this.#decoder.rest();
      this.#buffer = this.#small ??= new Uint8Array(IDLE_READ_OCTETS);
    }
    this.#reading = true;
    return this.#stream.read(this.#buffer);
  }

  #giveBack(): void {
    if (this.#large && !this.#reading) buffers.give(this.#large);
    this.#large = undefined;
  }

  /** @returns whether the conversation goes on. */
  async #do(step: MilterStep): Promise<boolean> {
    switch (step.kind) {
      case "none":
        return true;
      case "say":
        this.#output.push(step.octets);
        return true;
      case "connect":
        return await this.#do(this.#session.answerConnect(this.#connect(step.client)));
      case "sender":
        return await this.#do(this.#session.answerSender(this.#sender(step.transaction)));
      case "recipient":
        return await this.#do(this.#session.answerRecipient(await this.#recipient(step.recipient)));
      case "message":
        return await this.#do(this.#session.answerMessage(await this.#message(step)));
      case "dropped":
        this.#drop();
        return true;
      case "quit":
        return false;
    }
  }

  #connect(client: MilterClient): Reply | undefined {
    const tree = this.#context.ports.policy();
    const source = this.#facts(tree, Date.now(), client);
    return refuseEarly(this.#context.ports, source, earlyWord(source));
  }

  #sender(transaction: MilterTransaction): Reply | undefined {
    this.#drop();
    const open: Open = {
      queueId: newQueueId(),
      time: Date.now(),
      tree: this.#context.ports.policy(),
      transaction,
      together: [],
      apart: [],
    };
    // a policy that is newer than the agreement has its say with the first recipient
    if (!this.#session.hearsSender) {
      this.#open = open;
      return undefined;
    }
    const source = this.#source(open);
    const refusal = refuseEarly(this.#context.ports, source, earlyWord(source), open.queueId);
    if (refusal === undefined) this.#open = open;
    return refusal;
  }

  /**
   * A recipient that is not to get the message whatever is in it can be taken out at the end. Others must be treated alike: there
   * is one message, and one answer for it.
   */
  async #recipient(recipient: AddressArgument): Promise<Reply | undefined> {
    const open = this.#open!;
    const { ports } = this.#context;
    const { queueId } = open;
    const source = this.#source(open);
    const word = earlyWord(source, recipient.address);
    const { facts, outcome } = word;
    const { submitted } = open.transaction.client;
    const refusal = submitted ? undefined : refuseEarly(ports, source, word, queueId); // else it is the whole message's at the end
    if (refusal !== undefined) return refusal;
    const { action, final } = outcome;
    const gone = final && (action === "discard" || action === "quarantine");
    if (gone && this.#may(ACTIONS.deleteRecipients)) {
      open.apart.push(recipient);
      return undefined;
    }
    const key = treatment(outcome);
    if (open.first !== undefined && key !== open.first && !submitted) return TREATED_APART;
    const later = submitted ? undefined : greylisted({ ports, source, queueId, facts, outcome });
    const wait = later && await later;
    if (wait !== undefined) return wait;
    open.first = key;
    open.together.push(recipient);
    return undefined;
  }

  /** The whole message: the MTA is told that work goes on, and when it goes away in time nothing is done. */
  async #message(
    { transaction, collector }: MilterStep & { kind: "message" },
  ): Promise<Uint8Array> {
    const open = this.#open!;
    this.#open = undefined;
    this.#messageSince = undefined;
    const outOfMemory = this.#outOfMemory;
    this.#outOfMemory = false;
    if (collector.dropped) {
      this.#reserved.release();
      const reply = outOfMemory ? NO_MEMORY : TOO_LARGE;
      this.#context.ports.log("info", "A message was too large", {
        queueId: open.queueId,
        reply,
      });
      return replyCode(reply);
    }
    await this.#flush();
    const controller = new AbortController();
    this.#stream.deadline(0);
    if (this.#input.length === 0 && !this.#ahead) {
      const ahead = this.#ahead = this.#read();
      const gone = () => controller.abort();
      ahead.then((count) => count === null && gone(), gone);
    }
    const progress = this.#progress(controller);
    const source = this.#source({ ...open, transaction });
    try {
      const reply = await conclude(this.#context, {
        agreement: this.#session.agreement!,
        fields: collector.fields,
        request: {
          ...source,
          envelope: { ...source.envelope, sender: transaction.sender } as Envelope,
          queueId: open.queueId,
          message: collector.message(),
          nextHop: this.#settings.nextHop,
          splitting: "strictest",
          signal: controller.signal,
        },
        together: open.together,
        apart: open.apart,
      });
      collector.drop();
      return reply;
    } catch (error) {
      if (controller.signal.aborted) throw error;
      this.#context.ports.log("error", "Cannot handle a message; it is deferred", {
        queueId: open.queueId,
        error: describe(error),
      });
      return replyCode("451 4.3.0 Try again later");
    } finally {
      await progress.end();
      this.#reserved.release();
    }
  }

  /** Says so every few seconds while a message is worked on; what is written is written whole before the answer. */
  #progress(controller: AbortController): { end(): Promise<void> } {
    let writing: Promise<void> = Promise.resolve();
    const timer = setInterval(() => {
      writing = writing.then(async () => {
        this.#stream.deadline(WRITE_MS);
        await this.#stream.write(PROGRESS);
        this.#stream.deadline(0);
      }).catch(() => controller.abort());
    }, this.#settings.progressMs);
    return {
      end: async () => {
        clearInterval(timer);
        await writing;
      },
    };
  }

  #may(action: number): boolean {
    return ((this.#session.agreement?.actions ?? 0) & action) !== 0;
  }

  #facts(tree: DecisionTree, time: number, client: MilterClient): FactsSource {
    const { listener, direction } = this.#settings;
    return {
      agent: "milter",
      listener,
      time,
      tls: client.tls,
      tree,
      ...(direction === undefined ? {} : { direction }),
      envelope: clientEnvelope(client),
    };
  }

  #source({ tree, time, transaction }: Open): FactsSource {
    const { client, user, protocol, sender, recipients } = transaction;
    const source = this.#facts(tree, time, client);
    return {
      ...source,
      envelope: {
        ...source.envelope,
        ...(user === undefined ? {} : { user }),
        ...(protocol === undefined ? {} : { protocol }),
        sender,
        recipients: recipients.map(({ address }) => address),
      },
    };
  }

  /** Accounts for the message that is coming; where there is no room for it, it is read and dropped, and deferred at its end. */
  async #account(): Promise<void> {
    if (!this.#session.busy) return;
    const held = this.#session.held + this.#decoder.capacity;
    if (!await this.#reserved.grow(held, RESERVE_STEP_OCTETS)) {
      this.#outOfMemory = true;
      this.#session.dropMessage();
    }
  }

  /** Between commands an MTA waits for its own client; but what it has begun to send must come. */
  #moveDeadline(): void {
    const now = performance.now();
    const { commandMs, dataMs } = this.#settings;
    let left = (this.#session.agreement ? commandMs : FIRST_PACKET_MS) - (now - this.#since);
    if (this.#decoder.partial) {
      this.#packetSince ??= now;
      left = Math.min(left, PACKET_MS - (now - this.#packetSince));
    }
    if (this.#session.held > 0) {
      if (this.#messageSince === undefined) {
        this.#messageSince = now;
        this.#received = 0;
      }
      left = Math.min(left, dataMs + this.#received - (now - this.#messageSince));
    }
    this.#stream.deadline(Math.max(1, left));
  }

  /** Forgets the transaction that was open. */
  #drop(): void {
    this.#open = undefined;
    this.#messageSince = undefined;
    this.#outOfMemory = false;
    this.#reserved.release();
  }

  async #flush(): Promise<void> {
    if (this.#output.length === 0) return;
    const octets = this.#output.length === 1 ? this.#output[0]! : Buffer.concat(this.#output);
    this.#output = [];
    this.#stream.deadline(WRITE_MS);
    await this.#stream.write(octets);
  }
}

/** Commands about which a policy decides nothing: the MTA sends them with what follows, and does not wait. */
function silentCommands(tree: DecisionTree): number {
  const { connect, sender } = refusesEarly(tree);
  return (connect ? 0 : PROTOCOL.noReplyConnect) | (sender ? 0 : PROTOCOL.noReplyMail);
}
