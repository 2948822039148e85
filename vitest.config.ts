import { fileURLToPath } from 'node:url'
import { cloudflareTest } from '@cloudflare/vitest-pool-workers'
import { playwright } from '@vitest/browser-playwright'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { findChromium } from './test/runtimes/chromium.mjs'
import { thisRuntime } from './test/runtimes/table.mjs'
import tsconfig from './tsconfig.json' with { type: 'json' }

/** `isomq` and its entries are the sources, as the compiler sees them. */
const alias = Object.entries(tsconfig.compilerOptions.paths).map(([name, [file]]) => ({
  find: new RegExp(`^${name}$`),
  replacement: fileURLToPath(new URL(file!, import.meta.url)),
}))

// A test that needs Node says so in its name; all others run in every runtime.
const PACKAGE = ['test/package/**/*.test.ts']
const PAGE = ['test/browser/**/*.test.ts']
const NODE = ['test/**/*.node.test.ts']
const SERVICES = ['test/services/**/*.services.test.ts']

type Overrides = TestProjectInlineConfiguration & { readonly runtime: string }

/** A project that runs what runs anywhere, unless it includes something else. */
const project = ({ runtime, test, ...rest }: Overrides): TestProjectInlineConfiguration => ({
  resolve: { alias },
  ...rest,
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...NODE, ...PACKAGE, ...PAGE, ...SERVICES],
    // Machines may be slow; nothing here waits for a time to pass.
    testTimeout: 30_000,
    hookTimeout: 30_000,
    provide: { runtime },
    ...test,
  },
})

/**
 * From 2026-03-17 on, Workers get binary frames as Blobs by default. Before 2026-03-03 they take rejections for
 * unhandled that are handled within the same turn, which no test can live with.
 */
const workerd = (
  name: string,
  compatibilityDate: string,
  include?: string[],
): TestProjectInlineConfiguration =>
  project({
    runtime: 'workerd',
    plugins: [
      cloudflareTest({ miniflare: { cf: false, compatibilityDate, compatibilityFlags: ['nodejs_compat'] } }),
    ],
    test: { name, ...(include && { include }) },
  })

// What depends on the date is the socket: the core, the contract, and the vectors stand for the rest.
const OLD = ['contract', 'core', 'runtimes', 'vectors'].map((folder) => `test/${folder}/**/*.test.ts`)

export default defineConfig({
  test: {
    globalSetup: 'test/support/env.ts',
    teardownTimeout: 20_000,
    projects: [
      project({ runtime: 'node', test: { name: 'node', include: NODE, exclude: [...PACKAGE, ...PAGE] } }),
      project({ runtime: 'node', test: { name: 'package', include: PACKAGE, exclude: [] } }),
      project({ runtime: 'node', test: { name: 'page', include: PAGE, exclude: [] } }),
      project({
        runtime: 'node',
        test: {
          name: 'services',
          include: SERVICES,
          exclude: [],
          globalSetup: 'test/services/setup.ts',
          // The files share the servers, which some of them kill.
          fileParallelism: false,
          // RabbitMQ takes its time to start.
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      }),
      project({ runtime: thisRuntime(), test: { name: 'portable' } }),
      workerd('workerd', '2026-04-01'),
      workerd('workerd-2026-03', '2026-03-16', OLD),
      project({
        runtime: 'chromium',
        test: {
          name: 'chromium',
          browser: {
            enabled: true,
            headless: true,
            screenshotFailures: false,
            provider: playwright({ launchOptions: { executablePath: findChromium() } }),
            instances: [{ browser: 'chromium' }],
          },
        },
      }),
    ],
  },
})
