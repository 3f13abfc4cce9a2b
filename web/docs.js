/** The HTTP interface, shown by Swagger UI, which comes with the server and sets itself up from the document. */

window.SwaggerUIBundle({ url: "/openapi.json", dom_id: "#interface", deepLinking: true });
