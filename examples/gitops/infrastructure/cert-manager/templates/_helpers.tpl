{{- define "cert-manager.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "cert-manager.image" -}}
{{ .Values.image }}-{{ .component }}:v{{ .Chart.AppVersion }}
{{- end -}}
