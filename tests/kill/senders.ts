/** Senders that behave as a mail server does: they try a message again until it is taken, and remember what they were told. */
import { Closed } from "../peers/wire.ts";
import { SmtpClient } from "../peers/smtp_client.ts";
import { infectedMail, mail } from "../mail.ts";

/** Where a message must be in the end. */
export type Place = "sink" | "maildir" | "quarantine";

/** One message and what its sender was told. */
export interface Sent {
  readonly id: string;
  readonly place: Place;
  /** Answered 250. */
  taken: boolean;
  /**
   * Tries that ended after all octets were sent in a way that may have left a copy: without any answer, or, where the next hop
   * is what crashes, with a deferral.
   */
  open: number;
}

/** Ports by place. */
export type Targets = Readonly<Record<Place, number>>;

/** Pause before a message is tried again, ms: nobody listens while a daemon starts. */
const RETRY_MS = 30;

/** Senders at work. */
export class Senders {
  readonly messages = new Map<string, Sent>();
  readonly #targets: Targets;
  readonly #tag: string;
  readonly #deferralMayLeaveCopy: boolean;
  readonly #work: Promise<void>[];
  #stopping = false;
  #next = 0;
  #taken = 0;

  /**
   * @param count How many send at once.
   * @param tag In each id, so that runs can be told apart.
   * @param deferralMayLeaveCopy Whether the next hop may crash after it took a message and before it said so: the gateway then
   * has to defer what the next hop has.
   */
  constructor(count: number, tag: string, targets: Targets, deferralMayLeaveCopy: boolean) {
    this.#targets = targets;
    this.#tag = tag;
    this.#deferralMayLeaveCopy = deferralMayLeaveCopy;
    this.#work = Array.from({ length: count }, () => this.#sendOn());
  }

  /** Messages answered 250 so far. */
  get taken(): number {
    return this.#taken;
  }

  /** No new messages; resolves when each begun one was taken. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#work);
  }

  async #sendOn(): Promise<void> {
    while (!this.#stopping) {
      const number = this.#next++;
      const place: Place = number % 5 === 0 ? "quarantine" : number % 5 === 1 ? "maildir" : "sink";
      const sent: Sent = { id: `${number}.${this.#tag}@kill.test`, place, taken: false, open: 0 };
      this.messages.set(sent.id, sent);
      while (!sent.taken) {
        if (!await this.#try(sent)) await new Promise((wake) => setTimeout(wake, RETRY_MS));
      }
      this.#taken++;
    }
  }

  /** One try of one message. @returns whether it was taken. */
  async #try(sent: Sent): Promise<boolean> {
    // Whether all octets were sent and no answer came to them.
    let complete = false;
    try {
      using client = await SmtpClient.connect(this.#targets[sent.place]);
      await client.ehlo();
      for (const line of ["MAIL FROM:<a@sender.test>", "RCPT TO:<b@here.test>", "DATA"]) {
        const reply = await client.command(line);
        if (reply.code >= 500) throw new Error(`Refused for good: ${reply.text}`);
        if (reply.code >= 400) return false;
      }
      // A third of the messages fills more than one segment, so that a kill can come in the middle.
      const body = "Nothing but a line of text.\r\n".repeat(this.#next % 3 === 0 ? 3000 : 3);
      await client.wire.write(
        sent.place === "quarantine" ? infectedMail(sent.id) : mail(sent.id, { body }),
      );
      await client.wire.write(".\r\n");
      complete = true;
      const reply = await client.reply();
      if (reply.code >= 500) throw new Error(`Refused for good: ${reply.text}`);
      sent.taken = reply.code === 250;
      if (!sent.taken && !this.#deferralMayLeaveCopy) return false;
    } catch (error) {
      const broken = error instanceof Closed || error instanceof Deno.errors.ConnectionRefused ||
        error instanceof Deno.errors.ConnectionReset ||
        (error instanceof Error && /^Banner: 4/.test(error.message));
      if (!broken) throw error;
    }
    if (complete && !sent.taken) sent.open++;
    return sent.taken;
  }
}
