/** Hashes of contents, each computed when first asked for. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** Algorithms of hash signatures. */
export const HASH_ALGORITHMS = ["md5", "sha1", "sha256"] as const;
/** One of {@link HASH_ALGORITHMS}. */
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number];

/** Digest sizes, octets. */
export const DIGEST_OCTETS = { md5: 16, sha1: 20, sha256: 32 } as const satisfies Record<
  HashAlgorithm,
  number
>;

/** Hashes of one content, each computed when first asked for. */
export class ContentHashes {
  readonly #octets: Uint8Array;
  readonly #digests = new Map<HashAlgorithm, Buffer>();
  #hex: string | undefined;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** Size of the content, octets. */
  get size(): number {
    return this.#octets.length;
  }

  /** SHA-256 in lower-case hex. */
  hex(): string {
    return this.#hex ??= createHash("sha256").update(this.#octets).digest("hex");
  }

  /** The digest of one algorithm. */
  digest(algorithm: HashAlgorithm): Buffer {
    let digest = this.#digests.get(algorithm);
    if (!digest) {
      digest = algorithm === "sha256" && this.#hex !== undefined
        ? Buffer.from(this.#hex, "hex")
        : createHash(algorithm).update(this.#octets).digest();
      this.#digests.set(algorithm, digest);
    }
    return digest;
  }
}
