// The page for trying calls: Swagger UI with our own API description. It replaces the plain list
// of operations.
window.addEventListener('load', () => {
  if (!window.SwaggerUIBundle) return;
  document.getElementById('list').hidden = true;
  window.SwaggerUIBundle({
    url: '/v1/openapi.json',
    dom_id: '#explorer',
    validatorUrl: null,
    docExpansion: 'list',
    tagsSorter: 'alpha',
    deepLinking: true,
    defaultModelsExpandDepth: -1,
  });
});
