/**
 * The kernel's own refusal, beside the runtime's: a thread, and every thread it starts from then on, may open no file, use no TCP
 * and signal no process outside. Linux has it from 5.13 on (files; TCP from 6.7, signals and abstract sockets from 6.12); it
 * needs no privilege, and nobody can take it back.
 */

/** Directories of the C library: Debian's, those of other Linux systems. */
const LIBRARY_DIRECTORIES = [
  `/lib/${Deno.build.arch}-linux-gnu`,
  "/lib64",
  "/usr/lib64",
  "/lib",
  "/usr/lib",
];

/** Path of the C library: a permission to call it can only be given by its path. `undefined` where there is none that is known. */
export function cLibrary(): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  return LIBRARY_DIRECTORIES.map((directory) => `${directory}/libc.so.6`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** The same numbers on every processor. */
const LANDLOCK_CREATE_RULESET = 444n;
const LANDLOCK_RESTRICT_SELF = 446n;
const CREATE_RULESET_VERSION = 1;
const PR_SET_NO_NEW_PRIVS = 38;

const SYMBOLS = {
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  /** landlock_create_ruleset: number, attributes, their size, flags. */
  create: { name: "syscall", parameters: ["i64", "buffer", "usize", "u32"], result: "i64" },
  /** landlock_restrict_self: number, file descriptor, flags. */
  restrict: { name: "syscall", parameters: ["i64", "i64", "u32"], result: "i64" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** What the kernel refuses: opening files, TCP, signals to processes that are not confined alike. */
export const KERNEL_REFUSALS = ["files", "tcp", "signals"] as const;
/** One of {@link KERNEL_REFUSALS}. */
export type KernelRefusal = (typeof KERNEL_REFUSALS)[number];

/**
 * Confines this thread and those it starts later, workers among them. What is open stays open. Sockets in the file system and UDP
 * are not what Landlock knows.
 *
 * @param library Path of the C library.
 * @returns what is refused from now on: nothing where the kernel, the C library or the permission to call it is missing.
 * @see landlock(7)
 */
export function confineThread(library: string | undefined): readonly KernelRefusal[] {
  if (!library) return [];
  try {
    const { symbols: c } = Deno.dlopen(library, SYMBOLS);
    const version = Number(c.create(LANDLOCK_CREATE_RULESET, null, 0n, CREATE_RULESET_VERSION));
    if (version < 1) return [];
    const [attributes, size] = everything(version);
    const rules = c.create(LANDLOCK_CREATE_RULESET, attributes, BigInt(size), 0);
    if (rules < 0) return [];
    c.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n);
    const done = c.restrict(LANDLOCK_RESTRICT_SELF, rules, 0) === 0n;
    c.close(Number(rules));
    if (!done) return [];
    return version >= 6 ? ["files", "tcp", "signals"] : version >= 4 ? ["files", "tcp"] : ["files"];
  } catch {
    return []; // no such library, or no permission
  }
}

/** struct landlock_ruleset_attr with all that a version knows, and no rule that would allow any of it; its size, octets. */
function everything(version: number): [BigUint64Array<ArrayBuffer>, number] {
  const files = version >= 5 ? 16n : version >= 3 ? 15n : version === 2 ? 14n : 13n;
  const tcp = version >= 4 ? 0b11n : 0n;
  const scopes = version >= 6 ? 0b11n : 0n;
  return [
    BigUint64Array.of((1n << files) - 1n, tcp, scopes),
    version >= 6 ? 24 : version >= 4 ? 16 : 8,
  ];
}
