/** The linter's rules of this project's own. */

/** `assert.throws(work, 'text')` passes whatever is thrown: the text names the check, and is not compared. */
const textForThrows = {
  create: (context) => ({
    CallExpression(node) {
      const { callee, arguments: given } = node;
      if (callee.type !== 'MemberExpression' || callee.property.name !== 'throws') return;
      if (callee.object.property?.name === 'not' || given.length !== 2) return;
      const [, second] = given;
      if (second.type === 'TemplateLiteral' || typeof second.value === 'string')
        context.report({
          node,
          message: 'throws of tests/support/host.ts compares the text, this one does not',
        });
    },
  }),
};

const plugin = { meta: { name: 'fewbits' }, rules: { 'text-for-throws': textForThrows } };
export default plugin;
