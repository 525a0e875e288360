import type { ClientFacts } from "./client_facts.ts";

/** What stands behind MAIL's path, checked. */
export interface MailParameters {
  /** Octets that the client says it will send; 0 when it does not. */
  readonly size: number;
  readonly body?: "7BIT" | "8BITMIME";
  readonly utf8: boolean;
  readonly ret?: "FULL" | "HDRS";
  /** xtext, as given. */
  readonly envid?: string;
  /** xtext, as given: `<>` or an address (RFC 4954, section 5). */
  readonly auth?: string;
}

/** One recipient as the client gave it. */
export interface RecipientArgument {
  readonly address: string;
  readonly utf8: boolean;
  /** NOTIFY's keywords, upper case, as given: `SUCCESS,FAILURE`. */
  readonly notify?: string;
  /** xtext, as given: `rfc822;...`. */
  readonly orcpt?: string;
}

/** A mail transaction between MAIL and the end of its data. */
export interface Transaction {
  readonly sender: string;
  readonly senderUtf8: boolean;
  readonly parameters: MailParameters;
  /** Accepted so far, in order. */
  readonly recipients: readonly RecipientArgument[];
  /** Who sent it, as far as the connection and authorised XFORWARD or XCLIENT say. */
  readonly client: ClientFacts;
  /** As in a Received field. */
  readonly protocol: string;
  readonly lmtp: boolean;
}
