import type { AuthMode } from "./authentication.ts";
import type { ChunkCollector } from "./chunk_collector.ts";
import type { ClientFacts } from "./client_facts.ts";
import type { DataDecoder } from "../data_decoder.ts";
import type { Offers } from "./parameters.ts";
import type { Reply } from "./replies.ts";
import type { RecipientArgument, Transaction } from "./transaction.ts";

/** What a session is told once. */
export interface SessionOptions {
  /** In the banner and EHLO. */
  readonly hostname: string;
  readonly maxRecipients: number;
  /** Whether STARTTLS can be taken. */
  readonly tls: boolean;
  readonly requireTls: boolean;
  /** When AUTH is offered, where the offers name mechanisms. */
  readonly auth: AuthMode;
  /** Whether this client's XFORWARD and XCLIENT are believed. */
  readonly xforward: boolean;
  readonly xclient: boolean;
  /** The client as the connection shows it. */
  readonly client: ClientFacts;
  /** Asked at each EHLO and MAIL. */
  offers(): Offers;
}

/** What its owner does next for a session. */
export type Step =
  | { readonly kind: "more" } // read from the client
  | { readonly kind: "reply"; readonly reply: Reply; readonly close?: boolean }
  | { readonly kind: "sender"; readonly transaction: Transaction } // answer with answerSender
  | { readonly kind: "recipient"; readonly recipient: RecipientArgument } // answerRecipient
  | { readonly kind: "data" } // answerData
  | { readonly kind: "message"; readonly message: Uint8Array } // whole and normalised: answerMessage
  | { readonly kind: "auth"; readonly argument: string } // lead the exchange over line(), then answerAuth
  | { readonly kind: "startTls" } // say the reply, take the handshake, then secured()
  | { readonly kind: "restart" }; // XCLIENT: greet the client anew

/** Each state holds just the data that exists in it. */
export type State =
  | { readonly name: "connected" }
  | { readonly name: "ready" }
  | { readonly name: "mail"; readonly transaction: Transaction }
  | { readonly name: "data"; readonly transaction: Transaction; readonly decoder: DataDecoder }
  | {
    readonly name: "chunks";
    readonly transaction: Transaction;
    readonly collector: ChunkCollector;
  }
  | { readonly name: "skip"; readonly left: number; readonly reply: Reply } // a chunk that was refused
  | { readonly name: "asking"; readonly transaction: Transaction } // its owner is at work
  | { readonly name: "closed" };

/** How the client greeted. */
export type Greeting = { readonly word: "HELO" | "EHLO" | "LHLO"; readonly name: string };
