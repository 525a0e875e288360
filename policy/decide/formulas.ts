import type { Facts } from "../types.ts";
import type { AttachmentMatcher } from "./attachment_matcher.ts";
import type { KnownFacts } from "./known_facts.ts";
import * as postings from "./postings.ts";
import * as programs from "./programs.ts";

// Names of other modules are looked up wherever they are used; constants of this one are part of its code.
const { ATOM_STAMP, ATOM_WORDS } = postings;
const {
  ANY,
  ATTACHMENT,
  ATTRIBUTE_SHIFT,
  ENUM,
  KIND_BITS,
  LITERAL_WORDS,
  NEGATED,
  NODE_WORDS,
  NUMBER,
  PRESENCE,
  SET,
} = programs;

/** Evaluates the programs of one tree. Set atoms are told by {@link Formulas.tell} when the tables find them. */
export class Formulas {
  readonly #facts: KnownFacts;
  readonly #words: Int32Array;
  readonly #ranges: Float64Array;
  readonly #attachments: readonly AttachmentMatcher[];
  readonly #atoms: number;
  #epoch = 0;
  #phase = 0;
  #current: Facts | undefined;

  constructor({ words, ranges, attachments, atoms }: postings.Postings, facts: KnownFacts) {
    this.#facts = facts;
    this.#words = words;
    this.#ranges = ranges;
    this.#attachments = attachments;
    this.#atoms = atoms;
  }

  /** Begins with other facts. */
  begin(phase: number, facts: Facts): void {
    this.#phase = phase;
    this.#current = facts;
    if (++this.#epoch === 0x7fffffff) {
      for (let atom = 0; atom < this.#atoms; atom++) {
        this.#words[atom * ATOM_WORDS + ATOM_STAMP] = 0;
      }
      this.#epoch = 1;
    }
  }

  /** A set atom holds. @param record Address of the atom. @returns false when that was told before. */
  tell(record: number): boolean {
    const words = this.#words;
    if (words[record + ATOM_STAMP] === this.#epoch) return false;
    words[record + ATOM_STAMP] = this.#epoch;
    return true;
  }

  /** Whether a program holds; `may`: where later phases know what it takes, it is thought to. */
  holds(address: number, may: boolean): boolean {
    if (address < 0) return true;
    const words = this.#words;
    const kind = words[address]!;
    if ((kind & KIND_BITS) > ANY) return this.#literal(address, may);
    const any = kind === ANY;
    const end = words[address + 1]!;
    for (let at = address + NODE_WORDS; at < end;) {
      const isLiteral = (words[at]! & KIND_BITS) > ANY;
      const holds = isLiteral ? this.#literal(at, may) : this.holds(at, may);
      if (holds === any) return any;
      at = isLiteral ? at + LITERAL_WORDS : words[at + 1]!;
    }
    return !any;
  }

  /** Whether there is an attachment as an atom asks. @param place Of the atom in {@link postings.Postings.attachments}. */
  #attachment(place: number): boolean {
    return this.#attachments[place]!.matches(this.#current!.attachments!);
  }

  #literal(at: number, may: boolean): boolean {
    const words = this.#words;
    const head = words[at]!;
    const attribute = head >> ATTRIBUTE_SHIFT;
    if (this.#facts.phases[attribute]! > this.#phase) return may;
    if (!this.#facts.read(attribute)) return false;
    const operand = words[at + 1]!;
    let holds = false;
    switch (head & KIND_BITS) {
      case ENUM:
        holds = (operand & (1 << this.#facts.values[attribute]!)) !== 0;
        break;
      case NUMBER: {
        const value = this.#facts.values[attribute]!;
        const end = words[at + 2]!;
        for (let i = operand; i < end && !holds; i += 2) {
          holds = value >= this.#ranges[i]! && value < this.#ranges[i + 1]!;
        }
        break;
      }
      case PRESENCE:
        holds = this.#facts.present[attribute] === operand;
        break;
      case SET:
        holds = words[operand * ATOM_WORDS + ATOM_STAMP] === this.#epoch;
        break;
      case ATTACHMENT:
        holds = this.#attachment(operand);
        break;
    }
    return holds !== ((head & NEGATED) !== 0);
  }
}
