/** How much of a PDF may be read more than once: objects may lie within objects, and streams within streams. */
import type { UnpackContext } from "./unpacker.ts";

/** Times that the octets of a document may be read again; sound ones are read once or twice. */
const MAX_TIMES = 4;
/** Small documents may be read so much, octets. */
const FREE_OCTETS = 1 << 20;

/** What is over is malformed: nobody writes such documents but to hide something, or to cost time. */
export class PdfWork {
  readonly #context: UnpackContext;
  #left: number;

  constructor(octets: number, context: UnpackContext) {
    this.#context = context;
    this.#left = octets * MAX_TIMES + FREE_OCTETS;
  }

  /** Whether something may be read. */
  mayRead(): boolean {
    if (this.#left > 0) return this.#context.budget.time();
    this.#context.note("malformed");
    return false;
  }

  /** Octets that were read, or are about to be. */
  spend(octets: number): void {
    this.#left -= octets;
  }
}
