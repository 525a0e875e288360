/**
 * The few system calls that Deno has no function for, by the C library of this Linux. Only the daemon's own process may make
 * them (it has every permission); each caller has a way to go on without.
 */

/** What is called, with the types of the C library's header files. */
const SYMBOLS = {
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  /** With commands that take a number: the others would take another type. */
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The C library's functions. */
export type Libc = Deno.StaticForeignLibraryInterface<typeof SYMBOLS>;

let opened: Libc | null | undefined;

/** The C library; `undefined` where there is none that can be called: another system, musl, no permission. */
export function libc(): Libc | undefined {
  if (opened === undefined) {
    try {
      opened = Deno.build.os === "linux" ? Deno.dlopen("libc.so.6", SYMBOLS).symbols : null;
    } catch {
      opened = null;
    }
  }
  return opened ?? undefined;
}

/** A text as C has it. @throws {TypeError} for one that C cannot have, with a NUL inside. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError("A text for the system has a NUL inside");
  return new TextEncoder().encode(`${text}\0`);
}

/** The address of a buffer, which has to be kept alive by the caller for as long as C may look. */
export function addressOf(buffer: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)));
}
