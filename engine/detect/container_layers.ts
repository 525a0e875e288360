/** What a signature asks of the containers around a content. */

/** Types of each layer, the outermost first; an empty layer is any type. No layer at all: the content lies in nothing. */
export type ContainerLayers = readonly (readonly string[])[];

/** Between the types of a chain of containers, the outermost first: `message>zip`. */
export const LAYER_SEPARATOR = ">";

const ANY = "*";
const NOTHING = "!";

/** As it stands in a module. */
export function layersWord(layers: ContainerLayers): string {
  if (layers.length === 0) return NOTHING;
  return layers.map((types) => types.length === 0 ? ANY : types.join(",")).join(LAYER_SEPARATOR);
}

/**
 * A word of a module, made ready. As in ClamAV, which says otherwise and does so, the layers that are named are the innermost
 * containers, and those that may be any only ask for so many more around them.
 */
export class LayersTest {
  /** Named layers; `undefined` for what lies in nothing. */
  readonly #named: readonly ReadonlySet<string>[] | undefined;
  readonly #count: number;

  constructor(word: string) {
    const layers = word === NOTHING ? [] : word.split(LAYER_SEPARATOR);
    this.#count = layers.length;
    const named = layers.filter((types) => types !== ANY);
    this.#named = word === NOTHING ? undefined : named.map((types) => new Set(types.split(",")));
  }

  /** Whether the innermost containers of a chain are what is asked. */
  holds(chain: string | undefined): boolean {
    if (!this.#named) return chain === undefined;
    const types = chain?.split(LAYER_SEPARATOR) ?? [];
    const first = types.length - this.#named.length;
    return types.length >= this.#count &&
      this.#named.every((layer, i) => layer.has(types[first + i] ?? ""));
  }
}

/** A chain with one more container within it. */
export function layerWithin(chain: string | undefined, type: string): string {
  return chain === undefined ? type : chain + LAYER_SEPARATOR + type;
}

/** The innermost container of a chain, as facts have it. */
export function innermost(chain: string | undefined): { readonly container?: string } {
  if (chain === undefined) return {};
  return { container: chain.slice(chain.lastIndexOf(LAYER_SEPARATOR) + 1) };
}
