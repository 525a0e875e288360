/** What an SMTP session knows, and the replies that end it when a client wears its patience out. */
import { LineDecoder } from "../line_decoder.ts";
import type { ClientFacts } from "./client_facts.ts";
import { MAX_COMMAND_OCTETS, MAX_ERRORS, MAX_IDLE_COMMANDS } from "./limits.ts";
import type { Reply } from "./replies.ts";
import type { Greeting, SessionOptions, State, Step } from "./session_types.ts";
import type { Transaction } from "./transaction.ts";

/** No octets. */
export const NOTHING: Uint8Array = new Uint8Array(0);

/** The state of a session, and what its owner may see of it. */
export class SessionCore {
  protected readonly options: SessionOptions;
  protected readonly lines = new LineDecoder(MAX_COMMAND_OCTETS);
  protected state: State = { name: "connected" };
  protected greeting: Greeting | undefined;
  protected octets: Uint8Array = NOTHING;
  protected encrypted = false;
  protected clientFacts: ClientFacts;
  protected forwarded: ClientFacts | undefined;
  protected errors = 0;
  protected idle = 0;
  protected outOfMemory = false;
  protected loggedIn = false;

  constructor(options: SessionOptions) {
    this.options = options;
    this.clientFacts = options.client;
  }

  /** The transaction that is open; another object is another transaction, so its owner sees that one was dropped. */
  get transaction(): Transaction | undefined {
    return "transaction" in this.state ? this.state.transaction : undefined;
  }

  /** As connection and XCLIENT show it. */
  get client(): ClientFacts {
    return this.clientFacts;
  }

  get secure(): boolean {
    return this.encrypted;
  }

  get lmtp(): boolean {
    return this.greeting?.word === "LHLO";
  }

  /** Octets that are held for the message being read; 0 outside one. */
  get held(): number {
    const state = this.state;
    if (state.name === "data") return state.decoder.capacity;
    return state.name === "chunks" ? state.collector.capacity : 0;
  }

  /** Whether octets handed in are not used yet. */
  get unread(): boolean {
    return this.octets.length > 0;
  }

  /** Whether a message is coming or being worked on; between commands a client may be told 421 at any time. */
  get busy(): boolean {
    return ["data", "chunks", "skip", "asking"].includes(this.state.name);
  }

  protected use(octets: number): void {
    this.octets = octets === this.octets.length ? NOTHING : this.octets.subarray(octets);
  }

  protected enter(next: State): void {
    this.state = next; // the only assignment
  }

  protected asking(): Transaction {
    if (this.state.name !== "asking") throw new Error("Nothing was asked");
    return this.state.transaction;
  }

  protected idleReply(reply: Reply): Step {
    if (++this.idle <= MAX_IDLE_COMMANDS) return { kind: "reply", reply };
    return this.close("421 4.7.0 Too many commands without mail");
  }

  protected error(reply: Reply): Step {
    if (++this.errors < MAX_ERRORS) return { kind: "reply", reply };
    return this.close("421 4.7.0 Too many errors");
  }

  protected close(reply: Reply): Step {
    this.enter({ name: "closed" });
    return { kind: "reply", reply, close: true };
  }
}
