import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['web/**/*.test.ts'], // test/browser is run by node --test
    restoreMocks: true,
    unstubGlobals: true,
    maxWorkers: 2,
  },
})
