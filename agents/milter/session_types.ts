import type { AddressArgument, ConnectArgument } from "./arguments.ts";
import type { MessageCollector } from "./message_collector.ts";

/** What is known of the SMTP client that the MTA serves. */
export interface MilterClient extends ConnectArgument {
  readonly helo?: string;
  readonly tls: boolean;
}

/** A mail transaction between MAIL and the end of its message. */
export interface MilterTransaction {
  readonly client: MilterClient;
  readonly sender: string;
  /** Name that the client logged in with. */
  readonly user?: string;
  /** As the MTA names it: ESMTP, ... */
  readonly protocol?: string;
  /** The MTA's name of the message; Postfix knows it from the first recipient on. */
  readonly mtaQueueId?: string;
  /** Accepted so far, in order. */
  readonly recipients: readonly AddressArgument[];
}

/** What its owner does next for a session. */
export type MilterStep =
  | { readonly kind: "none" } // nothing is to be said
  | { readonly kind: "say"; readonly octets: Uint8Array }
  | { readonly kind: "connect"; readonly client: MilterClient } // answer with answerConnect
  | { readonly kind: "sender"; readonly transaction: MilterTransaction } // answerSender
  | { readonly kind: "recipient"; readonly recipient: AddressArgument } // answerRecipient
  | { // answerMessage
    readonly kind: "message";
    readonly transaction: MilterTransaction;
    readonly collector: MessageCollector;
  }
  | { readonly kind: "dropped" } // the transaction that was open is over without a message
  | { readonly kind: "quit" };

/** Each state holds just the data that exists in it. */
export type MilterState =
  | { readonly name: "connected" } // nothing agreed on
  | { readonly name: "negotiated" } // no client
  | { readonly name: "ready"; readonly client: MilterClient }
  | { readonly name: "refused"; readonly client: MilterClient; readonly reply: string }
  | { readonly name: "mail"; readonly transaction: MilterTransaction }
  | {
    readonly name: "content";
    readonly transaction: MilterTransaction;
    readonly collector: MessageCollector;
  }
  | { readonly name: "askingConnect"; readonly client: MilterClient }
  | { readonly name: "askingSender"; readonly transaction: MilterTransaction }
  | {
    readonly name: "askingRecipient";
    readonly transaction: MilterTransaction;
    readonly recipient: AddressArgument;
  }
  | { readonly name: "askingMessage"; readonly transaction: MilterTransaction }
  | { readonly name: "closed" };
