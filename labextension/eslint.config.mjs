import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['lib/', 'node_modules/', '*.mjs', 'scripts/', 'vitest.config.ts'] },
  ...tseslint.configs.strict,
  {
    files: ['src/**/*.{ts,tsx}'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { 'react-hooks': hooks },
    rules: {
      ...hooks.configs.recommended.rules,
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-function-return-type': ['error', { allowExpressions: true }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      // JupyterLab's own way to group command ids.
      '@typescript-eslint/no-namespace': 'off',
      eqeqeq: 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]',
          message: 'What the model writes never becomes HTML.'
        }
      ]
    }
  },
  {
    // One source for the panel and the widget: nothing of JupyterLab in it.
    files: ['src/core/**', 'src/widget/**'],
    rules: { 'no-restricted-imports': ['error', { patterns: ['@jupyterlab/*', '@lumino/*', '**/lab/**'] }] }
  }
);
