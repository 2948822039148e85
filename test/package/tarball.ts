import { execFileSync, execSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { manifest, root } from './entries.ts'

/** A project of a user, outside of the repository, with the packed isomq and what it depends on. */
export interface Project {
  readonly folder: string
  readonly tarball: string
  /** Where isomq is installed. */
  readonly installed: string
  write(file: string, text: string): string
  /** Runs a tool of this repository in the project; throws with what it printed when it fails. */
  run(tool: string, args: readonly string[]): string
  remove(): void
}

export function createProject(): Project {
  const folder = mkdtempSync(join(tmpdir(), 'isomq-package-'))
  const installed = join(folder, 'node_modules', 'isomq')
  mkdirSync(installed, { recursive: true })
  // Its prepack script builds first.
  execSync(`npm pack --loglevel=error --pack-destination "${folder}"`, { cwd: root, stdio: 'pipe' })
  const tarball = join(folder, readdirSync(folder).find((file) => file.endsWith('.tgz'))!)
  execFileSync('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1'])
  link(folder)
  const write = (file: string, text: string): string => {
    const path = join(folder, file)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return path
  }
  write('package.json', '{ "name": "user", "private": true, "type": "module" }\n')
  return {
    folder,
    tarball,
    installed,
    write,
    run: (tool, args) => run(tool, args, folder),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** What isomq declares to depend on and nothing else, so that a forgotten dependency is missed. */
function link(folder: string): void {
  for (const name of [...Object.keys(manifest.dependencies), '@types/node', 'undici-types']) {
    const path = join(folder, 'node_modules', name)
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), path, 'junction')
  }
}

function run(tool: string, args: readonly string[], cwd: string): string {
  const command = tool === 'node' ? process.execPath : join(root, 'node_modules', '.bin', tool)
  try {
    return execFileSync(command, args, {
      cwd,
      encoding: 'utf8',
      stdio: 'pipe',
      env: { ...process.env, NO_COLOR: '1' },
    })
  } catch (error) {
    const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message: string }
    throw new Error(`${tool} ${args.join(' ')}: ${stdout}${stderr}` || message)
  }
}
