/**
 * Macro sub-signatures: `${min-max}group$` stands for any pattern of a group (`name:target:$group:hex` in .ndb), so many octets
 * behind the start of the sub-signature before it. They are put together when all sources have been read, as ClamAV's documentation
 * has it; what ClamAV itself finds of them hangs on what it met before.
 *
 * @see ClamAV documentation, "Macro subsignatures"
 */
import type { PatternPiece, Subpattern } from "../pattern.ts";
import type { LogicalSignature } from "../pattern_builder.ts";

/** A sub-signature that stands for a group. */
export interface MacroSubsignature {
  readonly kind: "macro";
  readonly group: number;
  readonly min: number;
  readonly max: number;
}

/** A logical signature with such. */
export interface MacroSignature extends LogicalSignature {
  readonly macros: readonly { readonly sub: number; readonly macro: MacroSubsignature }[];
}

/** Most ways to write one sub-signature. */
const MAX_WAYS = 1000;

/** Reads one; `undefined` where the text is none. */
export function parseMacro(text: string): MacroSubsignature | undefined {
  const [, min, max, group] = /^\$\{(\d{1,6})-(\d{1,6})\}(\d{1,2})\$$/.exec(text) ?? [];
  if (group === undefined) return undefined;
  return { kind: "macro", group: Number(group), min: Number(min), max: Number(max) };
}

/** Why a macro cannot follow a sub-signature; `undefined` where it can. */
export function macroFault(
  before: readonly Subpattern[] | undefined,
  { min, max }: MacroSubsignature,
): string | undefined {
  if (!before || before.length === 0) return "a macro behind no octets";
  if (max < min) return "a macro with a range that ends before it starts";
  for (const { pieces, folded } of before) {
    const width = widthOf(pieces);
    if (width === undefined || folded) return "a macro behind a pattern of no fixed length or case";
    if (width > min) return "a macro within the pattern before it";
  }
  return undefined;
}

/** Octets of a pattern, where that is always the same. */
function widthOf(pieces: readonly PatternPiece[]): number | undefined {
  let width = 0;
  for (const piece of pieces) {
    if (piece.kind === "run") width += piece.values.length;
    else if (piece.kind === "gap" && piece.min === piece.max) width += piece.min;
    else return undefined;
  }
  return width;
}

/** Groups and what waits for them. */
export class Macros {
  readonly #groups = new Map<number, (readonly PatternPiece[])[]>();
  readonly #waiting: MacroSignature[] = [];

  /** A pattern of a group. */
  member(group: number, pieces: readonly PatternPiece[]): void {
    const members = this.#groups.get(group);
    if (members) members.push(pieces);
    else this.#groups.set(group, [pieces]);
  }

  /** A signature that waits for groups. */
  wait(signature: MacroSignature): void {
    this.#waiting.push(signature);
  }

  /** All that waits, put together; a signature whose group has no pattern comes out as one that cannot match. */
  expanded(): readonly LogicalSignature[] {
    return this.#waiting.splice(0).map((signature) => {
      const subsignatures = [...signature.subsignatures];
      for (const { sub, macro } of signature.macros) {
        const before = subsignatures[sub - 1] ?? [];
        subsignatures[sub] = this.#ways(before, macro).slice(0, MAX_WAYS);
      }
      return { ...signature, subsignatures };
    });
  }

  #ways(before: readonly Subpattern[], { group, min, max }: MacroSubsignature): Subpattern[] {
    const members = this.#groups.get(group) ?? [];
    return before.flatMap((way) => {
      const width = widthOf(way.pieces) ?? 0;
      const gap = { kind: "gap", min: min - width, max: max - width } as const;
      const space = gap.max === 0 ? [] : [gap];
      return members.map((pieces) => ({ ...way, pieces: [...way.pieces, ...space, ...pieces] }));
    });
  }
}
