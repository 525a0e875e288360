import type { Reservation } from "../session_books.ts";
import type { CommandRow } from "./command_table.ts";
import { type Fragment, isLiteral } from "./fragment_decoder.ts";
import type { FragmentInput } from "./fragment_input.ts";
import {
  MAX_COMMAND_LITERAL_OCTETS,
  MAX_DROPPED_FACTOR,
  MAX_LITERALS,
  MAX_LOGIN_LITERAL_OCTETS,
  MAX_TAG_OCTETS,
} from "./limits.ts";
import { endsInQuotes, type LiteralHead } from "./literal_head.ts";
import { asPiece, beforeLiteral, latin1, type Piece } from "./pieces.ts";

/** A command of a client. */
export interface ClientCommand {
  readonly tag: string;
  /** Upper case; `UID FETCH` is one name. */
  readonly name: string;
  /** All that stands behind the name, the blank included. */
  readonly args: readonly Piece[];
}

/** A command that goes no further. */
export interface Refusal {
  /** `*` where there is none. */
  readonly tag: string;
  readonly status: "NO" | "BAD";
  readonly text: string;
  /** Whether the connection is to be closed: what follows cannot be told from the rest of it. */
  readonly close: boolean;
}

/** What intake is told by the session. */
export interface IntakeView {
  readonly loggedIn: boolean;
  /** Longest message that may be uploaded, octets. */
  readonly messageSize: number;
  /** The row of a command, or why it may not be given now. */
  check(name: string): CommandRow | string;
  /** Asks the client for a literal. */
  goAhead(): Promise<void>;
  /** So many octets of a literal have come. */
  received(octets: number): void;
}

type Text = Fragment & { readonly kind: "text" };

/** A tag has no `+`, and none of what begins or ends something else; RFC 9051, section 9. */
const TAG = new RegExp(`^([!#$&',-[\\]^-z|}~]{1,${MAX_TAG_OCTETS}}) `);
const BEGIN = new RegExp(
  `${TAG.source}((?:UID )?[A-Za-z][A-Za-z0-9._-]{0,40})(?= |$)`,
  "i",
);

/** Reads commands with their literals, each within its bounds: led by lengths, never by lines (RFC 9051, section 4.3). */
export class CommandIntake {
  readonly #input: FragmentInput;
  readonly #view: IntakeView;
  readonly #reservation: Reservation;

  /** @param reservation What literals of uploads are held against; given back by who has used them. */
  constructor(input: FragmentInput, view: IntakeView, reservation: Reservation) {
    this.#input = input;
    this.#view = view;
    this.#reservation = reservation;
  }

  /** The next command; `undefined` at the end of the stream. */
  async next(): Promise<ClientCommand | Refusal | undefined> {
    const first = await this.#input.next();
    if (first?.kind !== "text") return undefined;
    const start = latin1(first.octets.subarray(0, MAX_TAG_OCTETS + 50));
    const begin = BEGIN.exec(start);
    if (!begin || first.unclean || endsAmiss(first)) {
      return await this.#malformed(first, TAG.exec(start)?.[1]);
    }
    const [whole, tag, written] = begin;
    const name = written!.toUpperCase();
    const row = this.#view.check(name);
    if (typeof row === "string") return await this.#drop(first, refusal(tag!, "BAD", row));
    const args: Piece[] = [];
    let line = { ...first, octets: first.octets.subarray(whole.length) };
    let total = 0;
    for (let literals = 0;; literals++) {
      if (!isLiteral(line.end)) {
        args.push(latin1(line.octets));
        return { tag: tag!, name, args };
      }
      args.push(beforeLiteral(line.octets));
      total += line.end.size;
      const refused = literals >= MAX_LITERALS
        ? refusal(tag!, "BAD", "Too many literals")
        : await this.#tooMuch(tag!, name, line.end, total);
      if (refused) return await this.#drop(line, refused);
      const head = line.end;
      if (head.sync) await this.#view.goAhead();
      const octets = await this.#literal(head);
      const next = octets && await this.#input.next();
      if (next?.kind !== "text") return undefined;
      if (next.unclean || endsAmiss(next)) return await this.#malformed(next, tag);
      args.push(asPiece(head, octets!));
      line = next;
    }
  }

  /** A line within a command; `undefined` at the end of the stream, and for what is no line. */
  async line(): Promise<string | undefined> {
    const fragment = await this.#input.next();
    if (fragment?.kind !== "text" || fragment.unclean || fragment.end !== undefined) {
      return undefined;
    }
    return latin1(fragment.octets);
  }

  /** What cannot be read is not passed on; where a literal might follow or not, nothing that follows can be told apart. */
  async #malformed(line: Text, tag = "*"): Promise<Refusal> {
    const text = line.unclean
      ? "A line has a CR or NUL within"
      : line.end === "unclear"
      ? "A literal stands where none may"
      : endsInQuotes(line.octets)
      ? "A quoted string is not closed"
      : "Expected a tag and a command";
    return await this.#drop(line, refusal(tag, "BAD", text));
  }

  async #tooMuch(
    tag: string,
    name: string,
    { size }: LiteralHead,
    total: number,
  ): Promise<Refusal | undefined> {
    if (name !== "APPEND" || !this.#view.loggedIn) {
      const most = this.#view.loggedIn ? MAX_COMMAND_LITERAL_OCTETS : MAX_LOGIN_LITERAL_OCTETS;
      return total > most ? refusal(tag, "BAD", `At most ${most} octets of literals`) : undefined;
    }
    const { messageSize } = this.#view;
    if (total > messageSize) return refusal(tag, "NO", `[TOOBIG] At most ${messageSize} octets`);
    const room = await this.#reservation.grow(this.#reservation.octets + size);
    return room
      ? undefined
      : refusal(tag, "NO", "[UNAVAILABLE] Too much mail at once, try again later");
  }

  /** Reads what is left of a command that is refused: a literal that waits does not come, one that does not wait must be read. */
  async #drop(line: Text, refused: Refusal): Promise<Refusal> {
    const most = MAX_DROPPED_FACTOR * (this.#view.loggedIn ? this.#view.messageSize : 2 ** 16);
    this.#reservation.release();
    let dropped = 0;
    let head = line.end;
    while (isLiteral(head)) {
      if (head.sync) {
        this.#input.decoder.cancelLiteral();
        return refused;
      }
      dropped += head.size;
      if (dropped > most || !await this.#literal(head, false)) return { ...refused, close: true };
      const next = await this.#input.next();
      if (next?.kind !== "text") return { ...refused, close: true };
      head = next.end;
    }
    return head === "unclear" ? { ...refused, close: true } : refused;
  }

  async #literal({ size }: LiteralHead, keep = true): Promise<Uint8Array | undefined> {
    const octets = new Uint8Array(keep ? size : 0);
    let at = 0;
    while (at < size) {
      const fragment = await this.#input.next();
      if (fragment?.kind !== "literal") return undefined;
      if (keep) octets.set(fragment.octets, at);
      at += fragment.octets.length;
      this.#view.received(fragment.octets.length);
    }
    return octets;
  }
}

function endsAmiss({ octets, end }: Text): boolean {
  return end === "unclear" || end === undefined && endsInQuotes(octets);
}

function refusal(tag: string, status: "NO" | "BAD", text: string): Refusal {
  return { tag, status, text, close: false };
}
