import { ChangedMessage } from "./changed_message.ts";
import type { ClientOutput } from "./client_output.ts";
import type { GateView } from "./fetch_gate.ts";
import { asksForUid, type FetchRequest } from "./fetch_request.ts";
import { type FetchedItem, type FetchHandler, piecesToOctets } from "./fetch_response.ts";
import type { Piece } from "./pieces.ts";
import { type Item, itemClass, writeItem } from "./sections.ts";

/**
 * What the server is asked for in the place of a request, for messages of which none of its content is wanted: flags and the like,
 * and one item by which its answer is known. Where the request marks messages as read, that item does, too.
 */
export function withoutContent(request: FetchRequest): FetchRequest {
  const marker: Item = request.items.some(marksAsRead)
    ? { name: "BODY", section: { part: [], text: "HEADER.FIELDS", fields: ["SUBJECT"] } }
    : { name: "RFC822.SIZE" };
  const plain = request.items.filter((item) => itemClass(item) === "plain");
  return { ...request, items: [...plain, marker] };
}

/** RFC 9051, section 6.4.5: what sets \Seen. */
function marksAsRead({ name, section, peek }: Item): boolean {
  if (name === "RFC822" || name === "RFC822.TEXT") return true;
  return (name === "BODY" || name === "BINARY") && section !== undefined && !peek;
}

/** Answers for one changed message: the server's flags, and the rest of what was asked for made of the changed octets. */
export class ChangedAnswer implements FetchHandler {
  readonly #output: ClientOutput;
  readonly #view: GateView;
  readonly #number: number;
  readonly #plain: FetchedItem[] = [];
  #uid: number | undefined;
  #answers = false;
  #written = 0;

  /** @param number Message sequence number of the response. */
  constructor(output: ClientOutput, view: GateView, number: number) {
    this.#output = output;
    this.#view = view;
    this.#number = number;
  }

  literal(): "drop" {
    return "drop";
  }

  streamed(): Promise<void> {
    return Promise.resolve();
  }

  item(fetched: FetchedItem): void {
    const { item, value } = fetched;
    if (itemClass(item) !== "plain") this.#answers = true;
    else if (value) this.#plain.push(fetched);
    if (item.name === "UID" && typeof value?.[0] === "string") this.#uid = Number(value[0]);
  }

  async end(): Promise<void> {
    const { request } = this.#view;
    const told = this.#plain.filter(({ item }) =>
      item.name !== "UID" || !this.#answers || !request || asksForUid(request)
    );
    for (const { written, value } of told) await this.#write(written, value!);
    const known = this.#uid === undefined ? undefined : this.#view.known(this.#uid);
    if (this.#answers && request && known instanceof ChangedMessage) {
      for (const item of request.items) {
        if (itemClass(item) === "plain") continue;
        const value = known.value(item, item.count);
        const { count: _, peek: __, modifier: ___, ...answered } = item;
        if (value) await this.#write([writeItem(answered)], value);
      }
    }
    if (this.#written === 0) return;
    this.#output.push(")\r\n");
    this.#output.end();
    await this.#output.relieve();
  }

  /** Writes one item; a request may ask for a large message many times, so that no more than one of them is held. */
  async #write(name: readonly Piece[], value: readonly Piece[]): Promise<void> {
    if (this.#written++ === 0) {
      this.#output.begin();
      this.#output.push(`* ${this.#number} FETCH (`);
    } else this.#output.push(" ");
    this.#output.push(piecesToOctets([...name, " ", ...value]));
    await this.#output.relieve();
  }
}
