// Dialogs: a click beside one closes it. Escape does too, and the focus returns to where it was:
// that's what browsers do by themselves.

for (const dialog of document.querySelectorAll('dialog')) {
  let beside = false; // whether the pointer was pressed beside it
  const isBeside = ({target, clientX, clientY}) => {
    const {left, right, top, bottom} = dialog.getBoundingClientRect();
    return target === dialog && (clientX < left || clientX > right || clientY < top || clientY > bottom);
  };
  dialog.addEventListener('pointerdown', event => { beside = isBeside(event); });
  dialog.addEventListener('click', event => {
    if (beside && isBeside(event)) dialog.close();
  });
}
