/** Signatures of what containers say of their entries. They are few: a module holds them as lines of JSON. */
import { MAX_MATCHED_NAME } from "./limits.ts";
import { damaged, type ModuleFile, type ModuleSections } from "./module_file.ts";
import type { Bounds } from "./pattern_builder.ts";

/** One signature; what is absent may be anything. */
export interface ContainerSignature {
  readonly name: string;
  /** Types of the container. */
  readonly containers?: readonly string[];
  /** Octets of the container. */
  readonly containerSize?: Bounds;
  /** Regular expression that the entry's name matches somewhere. */
  readonly fileName?: string;
  /** Octets of the entry in the container. */
  readonly packedSize?: Bounds;
  /** Octets of the entry. */
  readonly size?: Bounds;
  /** Number of the entry, from 1. */
  readonly position?: Bounds;
  readonly encrypted?: boolean;
}

/** An entry as its container describes it. */
export interface EntryFacts {
  readonly container: string;
  readonly containerSize: number;
  readonly names: readonly string[];
  /** Absent where the container does not say. */
  readonly packedSize?: number;
  readonly size: number;
  /** From 1. */
  readonly position: number;
  readonly encrypted: boolean;
}

/** Signatures that are ready to be asked. */
export class ContainerSet {
  readonly #signatures: readonly (ContainerSignature & { readonly expression?: RegExp })[];

  constructor(signatures: readonly ContainerSignature[]) {
    this.#signatures = signatures.map((signature) => ({
      ...signature,
      ...(signature.fileName === undefined ? {} : { expression: new RegExp(signature.fileName) }),
    }));
  }

  /** The signatures of a module. @throws {PosternError} `"module/damaged"`. */
  static open(file: ModuleFile): ContainerSet {
    try {
      const text = new TextDecoder().decode(file.octets("signatures"));
      const lines = text.split("\n").filter((line) => line !== "");
      // What is in a module was written by containerSections(), and its hash is right.
      return new ContainerSet(lines.map((line): ContainerSignature => JSON.parse(line)));
    } catch (cause) {
      throw damaged("a container signature cannot be read", cause);
    }
  }

  /** Number of signatures. */
  get size(): number {
    return this.#signatures.length;
  }

  /** Names of the signatures that an entry matches. */
  match(entry: EntryFacts): readonly string[] {
    return this.#signatures
      .filter((signature) => matches(signature, entry))
      .map(({ name }) => name);
  }
}

function isWithin(bounds: Bounds | undefined, value: number | undefined): boolean {
  return bounds === undefined ||
    (value !== undefined && value >= bounds[0] && value <= bounds[1]);
}

function matches(
  signature: ContainerSignature & { readonly expression?: RegExp },
  entry: EntryFacts,
): boolean {
  const { containers, encrypted, expression } = signature;
  return (containers === undefined || containers.includes(entry.container)) &&
    (encrypted === undefined || encrypted === entry.encrypted) &&
    isWithin(signature.containerSize, entry.containerSize) &&
    isWithin(signature.packedSize, entry.packedSize) && isWithin(signature.size, entry.size) &&
    isWithin(signature.position, entry.position) &&
    (expression === undefined ||
      entry.names.some((name) => expression.test(name.slice(0, MAX_MATCHED_NAME))));
}

/** The sections of a module. */
export function containerSections(signatures: readonly ContainerSignature[]): ModuleSections {
  const lines = signatures.map((signature) => `${JSON.stringify(signature)}\n`).join("");
  return { signatures: new TextEncoder().encode(lines) };
}
