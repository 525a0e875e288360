/**
 * Registers, flags and operands of a 32-bit x86 processor.
 *
 * @see Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2
 */
import { Fault, type Memory } from "./memory.ts";

/** Numbers of registers. */
export const EAX = 0, ECX = 1, EDX = 2, EBX = 3, ESP = 4, EBP = 5, ESI = 6, EDI = 7;

/** Octets of an operand. */
export type Size = 1 | 2 | 4;

/** The state between and during instructions. */
export class Processor {
  /** What instructions and operands lie in. */
  readonly memory: Memory;
  /** EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI. */
  readonly registers = new Int32Array(8);
  /** Address of the next octet of code. */
  ip = 0;
  /** The carry flag, 0 or 1 as all of them. */
  carry = 0;
  /** The zero flag. */
  zero = 0;
  /** The sign flag. */
  sign = 0;
  /** The overflow flag. */
  overflow = 0;
  /** The auxiliary carry flag, out of the lowest four bits. */
  adjust = 0;
  /** The parity flag is that of this octet. */
  parityOctet = 0;
  /** -1: string instructions go down. */
  direction = 1;
  /** The trap flag. */
  trap = 0;
  /** The resume flag: the next instruction is not stopped at by {@link Processor.debug}. */
  resume = 0;
  /** DR0 to DR3, DR6, DR7. */
  readonly debug = new Int32Array(6);
  /** Whether one of them stops the program anywhere. */
  hasBreakpoints = false;
  /** What RDTSC said last: the same numbers in each run. */
  timeStamp = 0x12345678;
  /** Address of the last instruction of the floating point unit. */
  floatingAt = 0;
  /** Octets of operands of the current instruction that are not octets. */
  wide: 2 | 4 = 4;
  /** Added to each address: that of FS's segment, or 0. */
  segment = 0;
  /** 0xf2, 0xf3 or 0. */
  repeat = 0;
  /** Addresses of the current instruction have 16 bits. */
  isShort = false;
  /** Whether the ModR/M octet names a register. */
  isRegister = false;
  /** Its middle: a register, or which instruction of a group. */
  middle = 0;
  /** Its end: the register that is the operand. */
  end = 0;
  /** Address of the operand in memory. */
  address = 0;

  /** @param memory What instructions and operands lie in. */
  constructor(memory: Memory) {
    this.memory = memory;
  }

  /** Next octet of code. */
  code8(): number {
    const octet = this.memory.read8(this.ip);
    this.ip = (this.ip + 1) | 0;
    return octet;
  }

  /** Next octet of code, signed. */
  codeSigned(): number {
    return (this.code8() << 24) >> 24;
  }

  /** Next number of code. */
  code(size: Size): number {
    const value = this.memory.read(this.ip, size);
    this.ip = (this.ip + size) | 0;
    return value;
  }

  /** Octets, words and double words of a register, unsigned but for the last. */
  register(number: number, size: Size): number {
    if (size === 4) return this.registers[number] ?? 0;
    if (size === 2) return (this.registers[number] ?? 0) & 0xffff;
    return number < 4
      ? (this.registers[number] ?? 0) & 0xff
      : ((this.registers[number - 4] ?? 0) >>> 8) & 0xff;
  }

  /** Sets a register, or the part of it that an operand of this size is. */
  setRegister(number: number, size: Size, value: number): void {
    const r = this.registers;
    if (size === 4) r[number] = value;
    else if (size === 2) r[number] = ((r[number] ?? 0) & ~0xffff) | (value & 0xffff);
    else if (number < 4) r[number] = ((r[number] ?? 0) & ~0xff) | (value & 0xff);
    else r[number - 4] = ((r[number - 4] ?? 0) & ~0xff00) | ((value & 0xff) << 8);
  }

  /** Reads the ModR/M octet and what belongs to it (volume 2, 2.1.5). */
  modrm(): void {
    const octet = this.code8();
    const mode = octet >> 6;
    this.middle = (octet >> 3) & 7;
    this.end = octet & 7;
    this.isRegister = mode === 3;
    if (this.isRegister) return;
    if (this.isShort) return this.#shortAddress(mode);
    const r = this.registers;
    let address = 0;
    if (this.end === 4) {
      const sib = this.code8();
      const index = (sib >> 3) & 7;
      const base = sib & 7;
      if (index !== 4) address = (r[index] ?? 0) << (sib >> 6);
      address += base === 5 && mode === 0 ? this.code(4) : r[base] ?? 0;
    } else if (this.end === 5 && mode === 0) address = this.code(4);
    else address = r[this.end] ?? 0;
    if (mode === 1) address += this.codeSigned();
    else if (mode === 2) address += this.code(4);
    this.address = (address + this.segment) | 0;
  }

  #shortAddress(mode: number): void {
    const r = (number: number) => this.register(number, 2);
    const sums = [
      () => r(EBX) + r(ESI),
      () => r(EBX) + r(EDI),
      () => r(EBP) + r(ESI),
      () => r(EBP) + r(EDI),
      () => r(ESI),
      () => r(EDI),
      () => mode === 0 ? this.code(2) : r(EBP),
      () => r(EBX),
    ];
    let address = sums[this.end]?.() ?? 0;
    if (mode === 1) address += this.codeSigned();
    else if (mode === 2) address += this.code(2);
    this.address = ((address & 0xffff) + this.segment) | 0;
  }

  /** The operand that the ModR/M octet names. */
  operand(size: Size): number {
    return this.isRegister ? this.register(this.end, size) : this.memory.read(this.address, size);
  }

  /** Sets the operand that the ModR/M octet names. Throws {@link Fault}. */
  setOperand(size: Size, value: number): void {
    if (this.isRegister) this.setRegister(this.end, size, value);
    else this.memory.write(this.address, size, value);
  }

  /** Puts a number on the stack. Throws {@link Fault}. */
  push(value: number, size: 2 | 4 = 4): void {
    const at = ((this.registers[ESP] ?? 0) - size) | 0;
    this.memory.write(at, size, value);
    this.registers[ESP] = at;
  }

  /** Takes a number from the stack. Throws {@link Fault}. */
  pop(size: 2 | 4 = 4): number {
    const at = this.registers[ESP] ?? 0;
    const value = this.memory.read(at, size);
    this.registers[ESP] = at + size;
    return value;
  }

  /** The parity flag. */
  get parity(): number {
    let octet = this.parityOctet & 0xff;
    octet ^= octet >> 4;
    return (0x9669 >> (octet & 15)) & 1;
  }

  /** EFLAGS. */
  get flags(): number {
    return this.carry | 2 | (this.parity << 2) | (this.adjust << 4) | (this.zero << 6) |
      (this.sign << 7) | (this.trap << 8) | 0x200 | (this.direction < 0 ? 0x400 : 0) |
      (this.overflow << 11);
  }

  set flags(value: number) {
    this.lowFlags = value;
    this.trap = (value >> 8) & 1;
    this.direction = value & 0x400 ? -1 : 1;
    this.overflow = (value >> 11) & 1;
  }

  /** The low octet of EFLAGS, as SAHF sets it. */
  set lowFlags(value: number) {
    this.carry = value & 1;
    this.parityOctet = value & 4 ? 0 : 1;
    this.adjust = (value >> 4) & 1;
    this.zero = (value >> 6) & 1;
    this.sign = (value >> 7) & 1;
  }

  /** Whether a condition holds: the low four bits of Jcc, SETcc and CMOVcc. */
  condition(code: number): boolean {
    let holds: boolean;
    switch (code >> 1 & 7) {
      case 0:
        holds = this.overflow === 1;
        break;
      case 1:
        holds = this.carry === 1;
        break;
      case 2:
        holds = this.zero === 1;
        break;
      case 3:
        holds = (this.carry | this.zero) === 1;
        break;
      case 4:
        holds = this.sign === 1;
        break;
      case 5:
        holds = this.parity === 1;
        break;
      case 6:
        holds = this.sign !== this.overflow;
        break;
      default:
        holds = this.zero === 1 || this.sign !== this.overflow;
    }
    return holds !== ((code & 1) === 1);
  }

  /** An instruction that is not interpreted. */
  unsupported(): never {
    throw new Fault("unsupported");
  }
}
