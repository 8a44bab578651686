// --gdb: a gdb server beside a session, and what the person at the terminal is told of it.
import { isElf } from "../boot/elf.ts";
import { GdbServer } from "../gdb/server.ts";
import { KERNEL_FILE } from "../gdb/files.ts";
import { DebugTarget } from "../gdb/debug-target.ts";
import type { Debugging } from "./debugging.ts";
import { hostReason, UsageError } from "./errors.ts";

export interface GdbHooks {
  /** Something for the person at the terminal. */
  readonly say: (text: string) => void;
  /** gdb killed the machine. */
  readonly kill: () => void;
}

/** Serve gdb. Rejects with UsageError when the port cannot be had. */
export async function serveGdb({ monitor, changes }: Debugging, port: number, { say, kill }: GdbHooks): Promise<GdbServer> {
  const { kernel } = monitor.machine.options;
  const files = new Map(kernel !== undefined && isElf(kernel) ? [[KERNEL_FILE, kernel]] : []);
  const target = new DebugTarget(monitor, changes, files, kill);
  try {
    const server = await GdbServer.listen(target, port, {
      onChange: (attached) => {
        const stopped = attached || !monitor.control.halted ? "" : "; the machine stays stopped until a gdb attaches again";
        say(`gdb has ${attached ? "attached" : "gone"}${stopped}`);
      },
    });
    process.stderr.write(`pagewalk: gdb: target remote :${server.port}\n`);
    return server;
  } catch (e) {
    const busy = (e as NodeJS.ErrnoException).code === "EADDRINUSE";
    throw new UsageError(`--gdb ${port}: ${busy ? "the port is in use" : hostReason(e)}`);
  }
}
