/** Makes the flat form of a set of patterns; see pattern_tables.ts. */
import { isTextTarget } from "./clamav_types.ts";
import { type ContainerLayers, layersWord } from "./container_layers.ts";
import { GramTableBuilder } from "./gram_builder.ts";
import { Growing, NamePool } from "./hash_list_builder.ts";
import { holds, subsignaturesOf } from "./logical_expression.ts";
import { parseLater } from "./later/laters.ts";
import type { ModuleSections } from "./module_file.ts";
import {
  type BytePattern,
  EDGE_KINDS,
  OFFSET_KINDS,
  type PatternPiece,
  type Run,
  type Subpattern,
} from "./pattern.ts";
import {
  BODY,
  CONDITION,
  ENDLESS,
  FOLDED_BIT,
  GRAMS,
  MASKED_BIT,
  NEGATED_BIT,
  PIECE,
  SEVERITIES,
  SIGNATURE,
  TEXT_PREFIX,
} from "./pattern_tables.ts";

/** Least and greatest, both included. */
export type Bounds = readonly [min: number, max: number];

/** What a logical signature asks of a content besides its patterns. */
export interface ContentCondition {
  /** Octets of the content. */
  readonly size?: Bounds;
  /** Entry point of a program, octets from the start of the content. */
  readonly entryPoint?: Bounds;
  /** Sections of a program. */
  readonly sections?: Bounds;
  /** What the content lies in. */
  readonly containers?: ContainerLayers;
}

/** A signature of several patterns. */
export interface LogicalSignature {
  readonly name: string;
  readonly severity: "infected" | "suspicious";
  readonly target: number;
  /** Of each sub-signature the ways to write it. */
  readonly subsignatures: readonly (readonly Subpattern[])[];
  /** In flat form: logical_expression.ts. */
  readonly expression: readonly number[];
  readonly condition?: ContentCondition;
  /** Sub-signatures that are looked at once octets were found; {@link LogicalSignature.subsignatures} has none of these. */
  readonly laters?: readonly LaterText[];
}

/** A sub-signature that is looked at later, as it is written. */
export interface LaterText {
  /** Its number. */
  readonly sub: number;
  readonly text: string;
}

const ANYTHING: Bounds = [0, 0xffffffff];

/** Sub-signatures that an expression, and what of it is looked at later, speak of; a few words where nothing could set one off. */
function usedBy(
  expression: readonly number[],
  laters: readonly LaterText[],
): ReadonlySet<number> | string {
  const used = new Set(subsignaturesOf(expression));
  for (const sub of used) { // grows while it is gone through
    const text = laters.find((each) => each.sub === sub)?.text;
    if (text === undefined) continue;
    const later = parseLater(text);
    if (typeof later === "string") return later;
    if (later.kind === "compare") {
      if (laters.some((each) => each.sub === later.trigger)) return "a comparison behind one";
      used.add(later.trigger);
      continue;
    }
    for (const trigger of subsignaturesOf(later.trigger)) {
      if (trigger >= sub) return "a regular expression that waits for one behind it";
      used.add(trigger);
    }
    if (holds(later.trigger, new Uint32Array(64))) {
      return "a regular expression that waits for nothing";
    }
  }
  return used;
}

/** A set in the making. */
export class PatternBuilder {
  readonly #signatures = new Growing((length) => new Uint32Array(length));
  readonly #bodies = new Growing((length) => new Uint32Array(length));
  readonly #pieces = new Growing((length) => new Uint32Array(length));
  readonly #options = new Growing((length) => new Uint32Array(length));
  readonly #octets = new Growing((length) => new Uint8Array(length));
  readonly #expressions = new Growing((length) => new Uint32Array(length));
  readonly #conditions = new Growing((length) => new Uint32Array(length));
  readonly #names = new NamePool();
  readonly #laters = new Growing((length) => new Uint32Array(length));
  readonly #laterTexts = new Growing((length) => new Uint8Array(length));
  readonly #grams = GRAMS.map((way) => new GramTableBuilder(way));
  readonly #textGrams = GRAMS.map((way) => new GramTableBuilder(way));
  readonly #containers: string[] = [""];
  /** Signatures added. */
  count = 0;

  constructor() {
    this.#conditions.extend(CONDITION.words); // number 0 stands for none
  }

  /** @returns What keeps the pattern from being looked for, in a few words; `undefined` where it was added. */
  add({ name, severity, target, ...pattern }: BytePattern): string | undefined {
    if (!this.#canFind(pattern)) return "a pattern without two fixed octets in a row";
    const body = this.#bodies.length / BODY.words;
    this.#sign(name, severity, target ?? 0, body, 1, [], undefined);
    this.#body(pattern, 0, target ?? 0);
    this.count++;
    return undefined;
  }

  /** As {@link add}. */
  addLogical(signature: LogicalSignature): string | undefined {
    const { name, severity, target, subsignatures, expression, condition } = signature;
    const laters = signature.laters ?? [];
    const used = usedBy(expression, laters);
    if (typeof used === "string") return used;
    if (Array.from(used).some((sub) => sub >= subsignatures.length)) {
      return "an expression about a sub-signature that is not there";
    }
    if (holds(expression, new Uint32Array(subsignatures.length))) {
      return "an expression that holds where nothing is found";
    }
    const wanted = subsignatures.map((bodies, sub) => used.has(sub) ? bodies : []);
    if (wanted.flat().length === 0) return "nothing that is found by its octets";
    if (!wanted.flat().every((pattern) => this.#canFind(pattern))) {
      return "a pattern without two fixed octets in a row";
    }
    const first = this.#bodies.length / BODY.words;
    this.#sign(name, severity, target, first, wanted.flat().length, expression, condition);
    for (const [sub, bodies] of wanted.entries()) {
      for (const pattern of bodies) this.#body(pattern, sub, target);
    }
    for (const { sub, text } of laters) {
      if (!used.has(sub)) continue;
      const octets = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
      const at = this.#laterTexts.extend(octets.length);
      this.#laterTexts.array.set(octets, at);
      const number = this.#signatures.length / SIGNATURE.words - 1;
      this.#laters.push(number, sub, at, octets.length);
    }
    this.count++;
    return undefined;
  }

  /** The sections of a module, and the words of its header. */
  build(): { readonly sections: ModuleSections; readonly words: readonly string[] } {
    const sections = {
      signatures: this.#signatures.trimmed(),
      bodies: this.#bodies.trimmed(),
      pieces: this.#pieces.trimmed(),
      options: this.#options.trimmed(),
      octets: this.#octets.trimmed(),
      expressions: this.#expressions.trimmed(),
      conditions: this.#conditions.trimmed(),
      names: this.#names.octets(),
      ...(this.#laters.length > 0
        ? { laters: this.#laters.trimmed(), laterTexts: this.#laterTexts.trimmed() }
        : {}),
    };
    const grams = [
      ...this.#grams.map((table) => table.sections("")),
      ...this.#textGrams.map((table) => table.sections(TEXT_PREFIX)),
    ];
    return { sections: Object.assign(sections, ...grams), words: this.#containers };
  }

  #canFind({ pieces, folded = false }: Subpattern): boolean {
    return this.#grams.some((table) => table.anchor(pieces, folded) !== undefined);
  }

  #sign(
    name: string,
    severity: BytePattern["severity"],
    target: number,
    body: number,
    bodies: number,
    expression: readonly number[],
    condition: ContentCondition | undefined,
  ): void {
    const flags = SEVERITIES.indexOf(severity) | (target << 8);
    const start = this.#expressions.push(...expression);
    this.#signatures.push(
      this.#names.add(name),
      flags,
      body,
      bodies,
      start,
      expression.length,
      condition ? this.#condition(condition) : 0,
    );
  }

  #condition({ size, entryPoint, sections, containers }: ContentCondition): number {
    let container = 0;
    if (containers) {
      const list = layersWord(containers);
      container = this.#containers.indexOf(list);
      if (container < 0) container = this.#containers.push(list) - 1;
    }
    const bounds = [size, entryPoint, sections].flatMap((bounds) => bounds ?? ANYTHING);
    return this.#conditions.push(...bounds, container) / CONDITION.words;
  }

  #body({ pieces, folded = false, offset }: Subpattern, sub: number, target: number): void {
    const body = this.#bodies.length / BODY.words;
    const first = this.#pieces.length / PIECE.words;
    for (const piece of pieces) this.#piece(piece);
    const kind = offset ? OFFSET_KINDS.indexOf(offset.from) : 0;
    this.#bodies.push(
      first,
      pieces.length | (folded ? FOLDED_BIT : 0),
      this.#signatures.length / SIGNATURE.words - 1,
      sub | (kind << 8) | ((offset?.section ?? 0) << 16),
      offset?.min ?? 0,
      Math.min(offset?.max ?? 0, 0x7fffffff),
    );
    for (const tables of isTextTarget(target) ? [this.#grams, this.#textGrams] : [this.#grams]) {
      for (const table of tables) {
        const anchor = table.anchor(pieces, folded);
        if (!anchor) continue;
        table.add(pieces, anchor, body, folded);
        break;
      }
    }
  }

  #piece(piece: PatternPiece): void {
    if (piece.kind === "run") {
      const { at, isMasked } = this.#run(piece);
      this.#pieces.push(PIECE.run | (isMasked ? MASKED_BIT : 0), at, piece.values.length);
    } else if (piece.kind === "gap") {
      const max = piece.max === Infinity ? ENDLESS : piece.max;
      this.#pieces.push(PIECE.gap, piece.min, max);
    } else if (piece.kind === "edge") {
      const flag = piece.negated ? NEGATED_BIT : 0;
      this.#pieces.push(PIECE.edge | flag, EDGE_KINDS.indexOf(piece.of), 0);
    } else {
      const first = this.#options.length / 2;
      for (const option of piece.options) {
        const { at, isMasked } = this.#run(option);
        this.#options.push(at, (option.values.length | (isMasked ? FOLDED_BIT : 0)) >>> 0);
      }
      const flag = piece.negated ? NEGATED_BIT : 0;
      this.#pieces.push(PIECE.choice | flag, first, piece.options.length);
    }
  }

  #run({ values, masks }: Run): { readonly at: number; readonly isMasked: boolean } {
    const isMasked = masks.some((mask) => mask !== 0xff);
    const at = this.#octets.extend(values.length * (isMasked ? 2 : 1));
    this.#octets.array.set(values, at);
    if (isMasked) this.#octets.array.set(masks, at + values.length);
    return { at, isMasked };
  }
}
